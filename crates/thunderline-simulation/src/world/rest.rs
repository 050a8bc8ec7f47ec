//! Ends and beginnings: sleeping workers, restarts, and the rest at the end.

use thunderline_core::{Clock, DomainState, Error, SignedDuration, Wish, seams};

use super::{NODES, World, nothing};
use crate::{
    laws::{self, Broken, law},
    op::{Fault, Op},
    server::Server,
};

/// How often nodes work and five seconds pass before a federation that is not over counts as stuck: far longer than any
/// plan here needs in the worst case.
const PASSES: usize = 150;

impl World {
    pub(super) async fn wake(&mut self, index: u8, done: bool) -> Result<String, Broken> {
        if self.dozing.is_empty() {
            return nothing();
        }
        let job = self.dozing.remove(usize::from(index) % self.dozing.len());
        let row = self.facts.jobs.iter().find(|row| row.id == job.id);
        let holds = row.is_some_and(|row| row.state == "running" && row.token == job.token);
        let jobs = self.server.db.jobs();
        let ended = if done {
            // It slept over it: the job was not done, so it only says so where that is refused.
            if holds { jobs.renew(&self.cx, &job).await } else { jobs.finish(&self.cx, &job).await }
        } else {
            self.model.troubled = true;
            jobs.fail(&self.cx, &job, &Error::unavailable("it fell asleep")).await.map(drop)
        };
        match &ended {
            Err(error) if error.code() == "conflict" => {
                law!(!holds, "a worker that holds job {} was told off", job.name);
            }
            Err(_) => drop(self.unless_troubled(ended)?),
            Ok(()) => law!(holds, "a worker that lost job {} {} could end it", job.name, job.key),
        }
        if done && holds {
            self.dozing.push(job);
        }
        Ok(format!("held: {holds}"))
    }

    /// The program ends where it stands, and is started again.
    pub(super) async fn restart(&mut self) -> Result<(), Broken> {
        seams::arm(None);
        for held in self.held.drain(..) {
            seams::release(held.ticket);
            if let Some(node) = held.node {
                let id = self.nodes[node].caller.id;
                self.model.unsure(id, self.around.clock.now());
            }
        }
        // A process does not end and begin in one instant.
        self.around.clock.advance(SignedDuration::from_millis(1));
        let started = Server::start(self.folder.path(), &self.around).await;
        let server = started.map_err(|error| format!("the server does not start: {}", error.chain()))?;
        let old = std::mem::replace(&mut self.server, server);
        drop(old);
        self.model.troubled = true;
        (self.looked, self.swept) = (None, None);
        let now = self.now();
        self.model.restarted(now);
        Ok(())
    }

    /// Faults stop, everybody is there, time passes: then everything that was begun must end.
    ///
    /// # Errors
    /// The law that is broken, in words.
    pub async fn come_to_rest(&mut self) -> Result<(), Broken> {
        seams::arm(None);
        while !self.held.is_empty() {
            self.apply(&Op::Release { index: 0 }).await?;
        }
        self.delayed.clear();
        self.dozing.clear();
        for node in 0..NODES as u8 {
            self.nodes[usize::from(node)].spoiled = false;
            self.apply(&Op::Revive { node }).await?;
        }
        // What was given up, or is not wanted by an operator, begins again by their order.
        self.apply(&Op::Tick).await?;
        for (domain, (_, state)) in (0..).zip(self.server.mesh()) {
            if state == DomainState::Inactive {
                self.apply(&Op::Order { domain, wish: Wish::Activate }).await?;
            }
        }
        for _ in 0..PASSES {
            if laws::end::is_reached(&self.facts) {
                break;
            }
            for node in (0..NODES as u8).cycle().take(4 * NODES) {
                self.apply(&Op::Step { node, fault: Fault::None }).await?;
            }
            self.apply(&Op::Settle).await?;
            self.apply(&Op::Advance { seconds: 4 }).await?;
            self.apply(&Op::Tick).await?;
            self.apply(&Op::Mend).await?;
            self.apply(&Op::Settle).await?;
        }
        // What is cleaned up by the hour.
        self.apply(&Op::Advance { seconds: 3700 }).await?;
        for op in [Op::Mend, Op::Settle, Op::Mend, Op::Settle] {
            self.apply(&op).await?;
        }
        laws::end::reached(&self.facts, &self.objects())
    }
}
