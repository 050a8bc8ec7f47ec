//! Runs jobs.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::future::join_all;
use thunderline_core::{Cx, Error, JobId, Result};
use thunderline_store::{Claimed, Db, JOBS, Turn, Wanted};
use tokio::{
    task::{Id, JoinError, JoinSet, yield_now},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Done, Registry,
    attempt::{Ended, Outcome, attempt, note, note_done, note_others, warn_of_lost},
    presence,
};

/// The longest time between two looks at the queue: how late a job of another process can be noticed.
const POLL: Duration = Duration::from_secs(1);

/// Claims jobs and runs their handlers, several at a time. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    db: Db,
    registry: Arc<Registry>,
    name: Arc<str>,
    concurrency: usize,
}

/// Attempts that are under way in this process.
#[derive(Default)]
struct Running {
    tasks: JoinSet<Ended>,
    kinds: HashMap<Id, String>,
    stopping: CancellationToken,
}

impl Worker {
    /// A worker that runs up to `concurrency` jobs at a time. The name is for operators who look at the queue.
    #[must_use]
    pub fn new(db: Db, registry: Registry, name: &str, concurrency: usize) -> Self {
        Self { db, registry: Arc::new(registry), name: name.into(), concurrency: concurrency.max(1) }
    }

    /// Claims what is due, up to the worker's concurrency, runs it to the end, and returns how many jobs that was,
    /// failed ones included.
    ///
    /// # Errors
    /// Where the queue cannot be read. A failing job is not an error of the worker; its row says what happened.
    pub async fn run_once(&self, cx: &Cx) -> Result<usize> {
        let jobs = self.claim(cx).await?;
        let count = jobs.len();
        let never = CancellationToken::new();
        let attempts = jobs.into_iter().map(|job| attempt(&self.db, &self.registry, cx, job, never.clone()));
        note(&self.db, cx, join_all(attempts).await).await;
        Ok(count)
    }

    /// Runs one waiting job to its end, whether or not its time has come.
    ///
    /// # Errors
    /// `not_found`; `conflict` where it does not wait, the same job is running, or it was taken away while it ran; and
    /// the handler's own failure, which is noted like any other.
    pub async fn run_now(&self, cx: &Cx, id: JobId) -> Result<Done> {
        let job = self.db.jobs().claim_one(cx, &self.name, id).await?;
        let ended = attempt(&self.db, &self.registry, cx, job, CancellationToken::new()).await;
        match ended.outcome {
            Outcome::CompletedAlready => Ok(Done::Completed),
            Outcome::TakenAway => Err(Error::conflict("the job was taken away while it ran")),
            Outcome::Done(ref done) => {
                let done = done.clone();
                note(&self.db, cx, vec![ended]).await;
                Ok(done)
            }
            Outcome::Failed(error) => self.db.jobs().fail(cx, &ended.job, &error).await.and(Err(error)),
        }
    }

    /// Runs jobs until cancelled; then those that run are told, and finished, and nothing new is begun.
    ///
    /// # Errors
    /// Never by itself: a database that is away is logged and asked again.
    pub async fn run(&self, cx: Cx, cancel: CancellationToken) -> Result<()> {
        // A name that no other process has or had: who is dead must not be taken for who is alive.
        let name = format!("{}-{:08x}", self.name, cx.random_u64() >> 32);
        let worker = Self { name: name.into(), ..self.clone() };
        if worker.registry.names().is_empty() {
            cancel.cancelled().await;
            return Ok(());
        }
        let present = presence::keep(&worker.db, &cx, &worker.name).await;
        let mut running = Running { stopping: cancel.clone(), ..Running::default() };
        let mut done = Vec::new();
        let mut looked: Option<Instant> = None;
        while !cancel.is_cancelled() {
            let waiter = worker.db.signals().waiter(JOBS);
            // A busy worker looks for leases that ended now and then, an idle one whenever it is woken.
            if done.is_empty() || looked.is_none_or(|at| at.elapsed() >= POLL) {
                looked = Some(Instant::now());
                worker.look_and_turn(&cx, &mut done, &mut running).await;
            } else {
                worker.turn(&cx, &mut done, &mut running).await;
            }
            // A full worker waits for room, also where it is told of more work.
            let full = running.tasks.len() >= worker.concurrency;
            let ended = tokio::select! {
                () = cancel.cancelled() => Vec::new(),
                Some(first) = running.tasks.join_next_with_id() => {
                    // Others that are about to end as well are noted in the same transaction.
                    yield_now().await;
                    running.ended(first)
                }
                _ = timeout(POLL, waiter.wait()), if !full => Vec::new(),
            };
            done.extend(note_others(&worker.db, &cx, ended).await);
        }
        while let Some(first) = running.tasks.join_next_with_id().await {
            done.extend(note_others(&worker.db, &cx, running.ended(first)).await);
        }
        note_done(&worker.db, &cx, &done).await;
        present.end().await;
        Ok(())
    }

    async fn look_and_turn(&self, cx: &Cx, done: &mut Vec<Claimed>, running: &mut Running) {
        match self.db.jobs().look(cx).await {
            Ok(false) if done.is_empty() => {}
            Ok(_) => self.turn(cx, done, running).await,
            Err(error) => tracing::warn!(error = error.chain(), "the job queue cannot be read"),
        }
    }

    /// Notes what is done, and begins as many jobs as there is room for. What cannot be noted now is noted at the next
    /// turn; at worst the job runs again.
    async fn turn(&self, cx: &Cx, done: &mut Vec<Claimed>, running: &mut Running) {
        match self.take(cx, done, running).await {
            Ok(Turn { finished, claimed }) => {
                warn_of_lost(done, &finished);
                done.clear();
                claimed.into_iter().for_each(|job| running.begin(self, cx, job));
            }
            Err(error) => tracing::warn!(error = error.chain(), "the job queue cannot be written"),
        }
    }

    async fn claim(&self, cx: &Cx) -> Result<Vec<Claimed>> {
        if self.registry.names().is_empty() || !self.db.jobs().look(cx).await? {
            return Ok(Vec::new());
        }
        Ok(self.take(cx, &[], &Running::default()).await?.claimed)
    }

    /// First of the kinds that have a limit of their own, then of all others.
    async fn take(&self, cx: &Cx, done: &[Claimed], running: &Running) -> Result<Turn> {
        let (mut wanted, mut others) = (Vec::new(), Vec::new());
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        for (name, kind) in self.registry.kinds() {
            match kind.concurrency {
                None => others.push(name),
                Some(most) => {
                    let limit = Some(number(most.saturating_sub(running.count(name))));
                    wanted.push(Wanted { names: vec![name], limit });
                }
            }
        }
        if !others.is_empty() {
            wanted.push(Wanted { names: others, limit: None });
        }
        let room = number(self.concurrency.saturating_sub(running.tasks.len()));
        self.db.jobs().turn(cx, &self.name, done, &wanted, room).await
    }
}

impl Running {
    fn begin(&mut self, worker: &Worker, cx: &Cx, job: Claimed) {
        let (worker, cx, kind) = (worker.clone(), cx.clone(), job.name.clone());
        let stopping = self.stopping.clone();
        let task =
            self.tasks.spawn(async move { attempt(&worker.db, &worker.registry, &cx, job, stopping).await });
        self.kinds.insert(task.id(), kind);
    }

    fn count(&self, kind: &str) -> usize {
        self.kinds.values().filter(|running| *running == kind).count()
    }

    /// The attempt that ended, and all others that have ended by now.
    fn ended(&mut self, first: Result<(Id, Ended), JoinError>) -> Vec<Ended> {
        let mut ended = Vec::new();
        let mut next = Some(first);
        while let Some(one) = next {
            match one {
                Ok((id, one)) => {
                    self.kinds.remove(&id);
                    ended.push(one);
                }
                Err(broken) => {
                    self.kinds.remove(&broken.id());
                    tracing::error!(error = %broken, "an attempt at a job broke off");
                }
            }
            next = self.tasks.try_join_next_with_id();
        }
        ended
    }
}
