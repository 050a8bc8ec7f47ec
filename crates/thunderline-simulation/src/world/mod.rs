//! A server, its nodes and everything between them; one operation after another.

mod calls;
mod clients;
mod documents;
mod rest;

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
};

use tempfile::TempDir;
use thunderline_core::{
    Clock, Cx, NodeId, Result, SignedDuration, Timestamp,
    seams::{self, Effect, Point},
};
use thunderline_store::{Claimed, Db};

use crate::{
    facts::Facts,
    fixture::{self, Template},
    laws::{self, Broken},
    model::Model,
    node::{Intent, Node},
    op::{Fault, Op},
    probe,
    server::{Server, Surroundings, url},
    wire::{Caller, Sent},
};
use calls::{Done, Held};
use documents::Documents;

/// How many nodes there are.
const NODES: usize = 4;

/// How often silent nodes are looked for.
const LOOK: SignedDuration = SignedDuration::from_secs(1);

/// How often every federation is driven, whatever happens.
const SWEEP: SignedDuration = SignedDuration::from_secs(5);

/// A simulated installation.
pub struct World {
    folder: TempDir,
    around: Surroundings,
    cx: Cx,
    observer: Db,
    server: Server,
    nodes: Vec<Node>,
    /// Grows when a node dies: answers to what it asked before mean nothing to it.
    epochs: Vec<u32>,
    delayed: Vec<(usize, Intent, Sent)>,
    held: Vec<Held>,
    dozing: Vec<Claimed>,
    documents: Documents,
    model: Model,
    facts: Facts,
    trace: DefaultHasher,
    /// When every federation was last driven, whatever had happened.
    swept: Option<Timestamp>,
    /// When silent nodes were last looked for.
    looked: Option<Timestamp>,
    /// How many transactions there had been when the facts were read.
    commits: u64,
    /// The call that runs was held back before.
    resumed: bool,
}

impl World {
    /// A fresh one.
    ///
    /// # Errors
    /// Those of the disk and of the database.
    pub async fn new(template: &Template, seed: u64) -> Result<Self> {
        seams::arm(None);
        let _old = seams::sprung();
        let folder = template.copy()?;
        let around = Surroundings::new(seed);
        let cx = around.cx();
        let observer = Db::connect(&url(folder.path())).await?;
        let server = Server::start(folder.path(), &around).await?;
        let nodes =
            (0..NODES).map(|index| Node::new(Caller::new(fixture::key(index), index % 2 == 1), index));
        let facts = Facts::read(&cx, &observer, &[]).await?;
        Ok(Self {
            nodes: nodes.collect(),
            epochs: vec![0; NODES],
            delayed: Vec::new(),
            held: Vec::new(),
            dozing: Vec::new(),
            documents: Documents {
                model: template.model.to_string(),
                bundle: template.bundle.to_string(),
                submitted: 0,
                keyed: BTreeMap::new(),
            },
            model: Model::default(),
            facts,
            trace: DefaultHasher::new(),
            swept: None,
            looked: None,
            resumed: false,
            commits: 0,
            folder,
            around,
            cx,
            observer,
            server,
        })
    }

    fn now(&self) -> Timestamp {
        self.around.clock.now()
    }

    fn objects(&self) -> PathBuf {
        self.folder.path().join("objects")
    }

    /// A number that is the same for the same history.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// The rows as they were after the last operation.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Carries out one operation and checks what must hold.
    ///
    /// # Errors
    /// The law that is broken, in words.
    pub async fn apply(&mut self, op: &Op) -> Result<String, Broken> {
        let outcome = self.perform(op).await?;
        self.check().await?;
        format!("{op:?} {outcome}").hash(&mut self.trace);
        format!("{:?}", (&self.facts.federations, &self.facts.rounds, &self.facts.leases, &self.facts.nodes))
            .hash(&mut self.trace);
        format!(
            "{:?}",
            (&self.facts.jobs, &self.facts.cursors, &self.facts.wishes, self.facts.events.last())
        )
        .hash(&mut self.trace);
        if matches!(op, Op::Tick) && outcome.starts_with("did") {
            laws::mesh::live(&self.facts, &self.server.mesh())?;
        }
        if matches!(op, Op::Settle) && outcome.starts_with("did") && self.is_undisturbed() {
            laws::training::idle(&self.cx, &self.server.domains.federations, &self.facts).await?;
        }
        if matches!(op, Op::Mend) && self.swept == Some(self.now()) && self.is_undisturbed() {
            laws::training::none_overdue(&self.facts, self.now())?;
        }
        Ok(outcome)
    }

    /// Nobody else is in the middle of something.
    fn is_undisturbed(&self) -> bool {
        let waits = |name: &str| name == "fl.federation.drive";
        self.held.is_empty()
            && self.server.works("federation")
            && self.facts.jobs.iter().all(|job| {
                job.state != "running"
                    && !(job.state == "available" && waits(&job.name) && job.last_error.is_some())
            })
    }

    async fn check(&mut self) -> Result<(), Broken> {
        let (now, commits) = (self.now(), seams::commits());
        if commits == self.commits {
            return laws::seen_from_outside(&mut self.model, &self.facts, now);
        }
        self.commits = commits;
        let after = self.read().await?;
        laws::always(&mut self.model, &self.facts, &after, now)?;
        let nodes = &self.nodes;
        let index_of = |id: NodeId| nodes.iter().position(|node| node.caller.id == id);
        laws::training::models(&mut self.model, &after, &self.folder.path().join("objects"), index_of)?;
        self.facts = after;
        Ok(())
    }

    async fn read(&self) -> Result<Facts, Broken> {
        Facts::read(&self.cx, &self.observer, &self.facts.events).await.map_err(|error| error.chain())
    }

    async fn perform(&mut self, op: &Op) -> Result<String, Broken> {
        let set = seams::arm(None);
        match op {
            Op::SubmitNonsense | Op::Forge { .. } | Op::Doze | Op::Wake { .. } => {
                // Not through `go`: nothing must happen to these.
                let outcome = self.perform_calmly(op).await;
                seams::arm(set);
                return outcome;
            }
            _ => _ = seams::arm(set),
        }
        match op {
            Op::Advance { seconds } => {
                self.around.clock.advance(SignedDuration::from_secs((*seconds).into()));
                Ok("ok".into())
            }
            Op::Submit { plan, key, fault } => self.submit(plan, *key, *fault).await,
            Op::Steer { federation, to, fault } => self.steer(*federation, *to, *fault).await,
            Op::Step { node, fault } => self.step(usize::from(*node) % NODES, *fault).await,
            Op::Beat { node } => {
                let node = usize::from(*node) % NODES;
                if !self.is_free(node) {
                    return nothing();
                }
                let (now, id) = (self.now(), self.nodes[node].caller.id.get());
                let sent = self.nodes[node].beat(now, id);
                self.request(node, Intent::Beat, sent, Fault::None).await
            }
            Op::Leave { node, for_good, fault } => {
                let node = usize::from(*node) % NODES;
                if !self.is_free(node) {
                    return nothing();
                }
                let now = self.now();
                let sent = self.nodes[node].leave(now, *for_good);
                self.request(node, Intent::Leave, sent, *fault).await
            }
            Op::Die { node } => {
                let node = usize::from(*node) % NODES;
                self.nodes[node].alive = false;
                self.nodes[node].forget();
                self.epochs[node] += 1;
                Ok("ok".into())
            }
            Op::Revive { node } => {
                self.nodes[usize::from(*node) % NODES].alive = true;
                Ok("ok".into())
            }
            Op::Spoil { node } => {
                self.nodes[usize::from(*node) % NODES].spoiled = true;
                Ok("ok".into())
            }
            Op::Deliver { index } => self.deliver_delayed(*index).await,
            Op::Release { index } => {
                if self.held.is_empty() {
                    return nothing();
                }
                let held = self.held.remove(usize::from(*index) % self.held.len());
                seams::release(held.ticket);
                self.resumed = true;
                let outcome = self.go(held.call, held.node).await;
                self.resumed = false;
                outcome
            }
            Op::Tick => {
                self.around.clock.advance(SignedDuration::from_secs(1));
                self.background(|server| Box::pin(async move { server.tick().await })).await
            }
            Op::Order { domain, wish } => {
                let (server, domain, wish) = (self.server.clone(), *domain, *wish);
                let order = async move { Done::Counted(server.order(domain, wish).await.map(|()| 1)) };
                self.go(Box::pin(order), None).await
            }
            Op::Work => self.background(|server| Box::pin(async move { server.work().await })).await,
            Op::Relay => self.background(|server| Box::pin(async move { server.relay().await })).await,
            Op::Settle => self.background(|server| Box::pin(async move { server.settle().await })).await,
            Op::Mend => {
                let (now, overdue) = (self.now(), self.model.overdue(self.now()));
                let (link, federation) = (self.server.works("thunderlink"), self.server.works("federation"));
                let set = seams::armed();
                let call = self.background(|server| Box::pin(async move { server.mend().await }));
                let outcome = call.await?;
                if outcome.starts_with("did") && set == seams::armed() {
                    let looked = link && self.looked.is_none_or(|last| now.duration_since(last) >= LOOK);
                    self.model.looked_up(now, looked);
                    if looked {
                        self.looked = Some(now);
                        self.model.expired(now);
                    }
                    if federation && self.swept.is_none_or(|last| now.duration_since(last) >= SWEEP) {
                        self.swept = Some(now);
                    }
                } else {
                    // Some have run and some have not; nobody knows which.
                    overdue.into_iter().for_each(|node| self.model.doubt(node));
                    self.model.looked_up(now, false);
                    (self.looked, self.swept) = (Some(now + LOOK), Some(now + SWEEP));
                }
                Ok(outcome)
            }
            Op::Trap { trap } => {
                // What is held back would hold up a later write for ever: only calls of clients wait, and only outside.
                if trap.effect != Effect::Stall {
                    seams::arm(Some(*trap));
                }
                Ok("ok".into())
            }
            Op::Restart => {
                self.restart().await?;
                Ok("ok".into())
            }
            Op::Nod => {
                let server = self.server.clone();
                let call = Box::pin(async move { Done::Counted(server.probe_work().await) });
                // The first transaction claims the job, the second is the handler's.
                self.model.troubled = true;
                self.with_fault(call, None, Fault::Stall { point: Point::Begin, after: 1 }).await
            }
            Op::Wish { number, after } => {
                let (server, number, after) = (self.server.clone(), *number, *after);
                let call = Box::pin(async move {
                    Done::Counted(probe::wish(&server.cx, &server.db, number, after).await.map(|()| 1))
                });
                self.go(call, None).await
            }
            _ => nothing(),
        }
    }

    async fn perform_calmly(&mut self, op: &Op) -> Result<String, Broken> {
        match op {
            Op::SubmitNonsense => self.submit_nonsense().await,
            Op::Forge { node, name } => {
                self.forge(usize::from(*node) % NODES, usize::from(*name) % NODES).await
            }
            Op::Doze => {
                self.model.troubled = true;
                let names = self.server.jobs();
                let claimed = self.server.db.jobs().claim(&self.cx, "dozing", &names, 1).await;
                let claimed = self.unless_troubled(claimed)?.unwrap_or_default();
                let outcome = format!("took {}", claimed.len());
                self.dozing.extend(claimed);
                Ok(outcome)
            }
            Op::Wake { index, done } => self.wake(*index, *done).await,
            _ => nothing(),
        }
    }

    /// A node can ask for something.
    fn is_free(&self, node: usize) -> bool {
        self.nodes[node].alive && self.held.iter().all(|held| held.node != Some(node))
    }
}

fn nothing() -> Result<String, Broken> {
    Ok("nothing".into())
}
