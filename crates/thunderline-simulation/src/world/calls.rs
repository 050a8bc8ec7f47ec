//! Calls into the server: run to their end, held back, cut off, or the end of the server.

use std::{future::poll_fn, pin::Pin, task::Poll};

use thunderline_core::{
    FederationId, Result,
    seams::{self, Effect, Point, Sprung, Trap},
};

use super::World;
use crate::{
    laws::{Broken, law},
    node::{Intent, Learnt},
    op::{Fault, Steer},
    server::Server,
    wire::Answer,
};

/// What came of a call.
pub(super) enum Done {
    Answered { node: usize, intent: Intent, epoch: u32, answers: Vec<Answer> },
    Unheard { from: Option<(usize, Intent)>, refused: bool },
    Submitted { key: Option<u8>, outcome: Result<FederationId> },
    Steered { id: FederationId, to: Steer, outcome: Result<()> },
    Counted(Result<usize>),
}

pub(super) type Call = Pin<Box<dyn Future<Output = Done>>>;

/// What came of starting or continuing a call.
enum Ran {
    Done(Done),
    Crashed,
    Stalled(u64, Call),
}

/// A request that is held back in the middle.
pub(super) struct Held {
    pub(super) ticket: u64,
    pub(super) call: Call,
    pub(super) node: Option<usize>,
}

impl World {
    pub(super) async fn with_fault(
        &mut self,
        call: Call,
        node: Option<usize>,
        fault: Fault,
    ) -> Result<String, Broken> {
        match fault {
            Fault::Stall { point, after } if point != Point::Commit => {
                let set = seams::arm(Some(Trap { point, after: after.into(), effect: Effect::Stall }));
                let outcome = self.go(call, node).await;
                seams::arm(set);
                outcome
            }
            Fault::HangUp { point, after } => {
                let set = seams::arm(Some(Trap { point, after: after.into(), effect: Effect::Stall }));
                let before = self.held.len();
                let outcome = self.go(call, node).await?;
                seams::arm(set);
                if self.held.len() == before {
                    return Ok(outcome);
                }
                let held = self.held.pop().expect("one was added");
                seams::release(held.ticket);
                drop(held.call);
                self.in_doubt(node);
                Ok("hung up".into())
            }
            _ => self.go(call, node).await,
        }
    }

    /// What a call left behind cannot be told.
    pub(super) fn in_doubt(&mut self, node: Option<usize>) {
        self.model.troubled = true;
        if let Some(node) = node {
            let (id, now) = (self.nodes[node].caller.id, self.now());
            self.model.unsure(id, now);
        }
    }

    pub(super) async fn background(
        &mut self,
        work: impl FnOnce(Server) -> Pin<Box<dyn Future<Output = Result<usize>>>>,
    ) -> Result<String, Broken> {
        let work = work(self.server.clone());
        self.go(Box::pin(async move { Done::Counted(work.await) }), None).await
    }

    /// Runs a call until it is over, held back, or the end of the program.
    pub(super) async fn go(&mut self, mut call: Call, node: Option<usize>) -> Result<String, Broken> {
        let armed = seams::armed();
        let ran = poll_fn(|cx| match call.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ran::Done(done)),
            Poll::Pending => match seams::sprung() {
                None => Poll::Pending,
                Some(Sprung::Crashed) => Poll::Ready(Ran::Crashed),
                Some(Sprung::Stalled(ticket)) => {
                    let nothing: Call = Box::pin(std::future::pending());
                    Poll::Ready(Ran::Stalled(ticket, std::mem::replace(&mut call, nothing)))
                }
            },
        })
        .await;
        let failed = armed == Some(Effect::Fail) && seams::armed().is_none();
        self.model.troubled |= failed;
        match ran {
            Ran::Stalled(ticket, call) => {
                if let Some(node) = node {
                    let (id, now) = (self.nodes[node].caller.id, self.now());
                    self.model.unsure(id, now);
                }
                self.held.push(Held { ticket, call, node });
                Ok("held back".into())
            }
            Ran::Crashed => {
                drop(call);
                self.in_doubt(node);
                self.restart().await?;
                Ok("crashed".into())
            }
            Ran::Done(done) => self.conclude(done, failed),
        }
    }

    /// What a request says of its node by having arrived.
    fn arrived(&mut self, node: usize, intent: Intent, failed: bool) {
        let (id, now) = (self.nodes[node].caller.id, self.now());
        match intent {
            // It arrived when it was held back; what has become of the node since cannot be told.
            _ if self.resumed => self.model.resumed(id, now),
            _ if failed => self.model.unsure(id, now),
            Intent::Leave => self.model.left(id),
            _ => self.model.seen(id, now),
        }
    }

    pub(super) fn conclude(&mut self, done: Done, failed: bool) -> Result<String, Broken> {
        match done {
            Done::Answered { node, intent, epoch, answers } => {
                self.arrived(node, intent, failed);
                let name = answers[0].name();
                law!(
                    failed || answers[0] != Answer::Retry,
                    "{intent:?} of node {node} failed although nothing is wrong"
                );
                law!(answers[0] != Answer::Leave, "{intent:?} of node {node} was turned away");
                if epoch != self.epochs[node] {
                    return Ok(format!("{intent:?}: {name}, unheard"));
                }
                match self.nodes[node].hear(intent, &answers[0]) {
                    Learnt::Nothing => {}
                    Learnt::Task(message) => drop(self.model.given.insert(message)),
                    Learnt::Taken(message) => drop(self.model.taken.insert(message)),
                }
                Ok(format!("{intent:?}: {name}"))
            }
            Done::Unheard { from, refused } => {
                if let Some((node, intent)) = from.filter(|_| !refused) {
                    self.arrived(node, intent, failed);
                }
                Ok("unheard".into())
            }
            Done::Submitted { key, outcome } => match outcome {
                Ok(id) => {
                    self.model.submitted.insert(id);
                    if let Some(key) = key {
                        let known = *self.model.keys.entry(key).or_insert(id);
                        law!(known == id, "key {key} gave {known} first and {id} now");
                    }
                    Ok("submitted".into())
                }
                Err(error) => {
                    law!(failed, "a good document was refused: {}", error.chain());
                    Ok("failed".into())
                }
            },
            Done::Steered { id, to, outcome } => match outcome {
                Ok(()) => Ok(format!("{to:?} {id}")),
                Err(error) => {
                    law!(failed || error.code() == "conflict", "{to:?} failed: {}", error.chain());
                    Ok(error.code().into())
                }
            },
            Done::Counted(outcome) => {
                let outcome = self.unless_troubled_by(outcome, failed)?;
                Ok(outcome.map_or("failed".into(), |count| format!("did {count}")))
            }
        }
    }

    /// An error counts where nothing was arranged to cause it.
    pub(super) fn unless_troubled<T>(&self, outcome: Result<T>) -> Result<Option<T>, Broken> {
        self.unless_troubled_by(outcome, self.model.troubled)
    }

    pub(super) fn unless_troubled_by<T>(
        &self,
        outcome: Result<T>,
        failed: bool,
    ) -> Result<Option<T>, Broken> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(error) => {
                law!(failed, "it failed although nothing is wrong: {}", error.chain());
                Ok(None)
            }
        }
    }
}
