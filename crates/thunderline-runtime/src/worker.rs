//! Runs jobs.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use thunderline_core::{Cx, Error, Result};
use thunderline_store::{Claimed, Db, JOBS, LEASE};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{Registry, guard::guarded};

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
        let jobs = self.claim(cx, self.concurrency).await?;
        let count = jobs.len();
        join_all(jobs.into_iter().map(|job| self.execute(cx, job))).await;
        Ok(count)
    }

    /// Runs jobs until cancelled; then those that run are finished and nothing new is begun.
    ///
    /// # Errors
    /// Never by itself: a database that is away is logged and asked again.
    pub async fn run(&self, cx: Cx, cancel: CancellationToken) -> Result<()> {
        let mut running = JoinSet::new();
        while !cancel.is_cancelled() {
            let waiter = self.db.signals().waiter(JOBS);
            match self.claim(&cx, self.concurrency - running.len()).await {
                Ok(jobs) => {
                    for job in jobs {
                        let (worker, cx) = (self.clone(), cx.clone());
                        running.spawn(async move { worker.execute(&cx, job).await });
                    }
                }
                Err(error) => tracing::warn!(error = error.chain(), "the job queue cannot be read"),
            }
            // A full worker waits for room, also where it is told of more work.
            let full = running.len() >= self.concurrency;
            tokio::select! {
                () = cancel.cancelled() => {}
                Some(_) = running.join_next() => {}
                _ = timeout(POLL, waiter.wait()), if !full => {}
            }
        }
        while running.join_next().await.is_some() {}
        Ok(())
    }

    async fn claim(&self, cx: &Cx, limit: usize) -> Result<Vec<Claimed>> {
        let names = self.registry.names();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.db.jobs().claim(cx, &self.name, &names, limit).await
    }

    async fn execute(&self, cx: &Cx, job: Claimed) {
        let outcome = tokio::select! {
            outcome = self.handle(cx, &job) => outcome,
            lost = self.keep_lease(cx, &job) => {
                tracing::warn!(job = job.name, key = job.key, error = lost.chain(), "a job was taken away");
                return;
            }
        };
        let noted = match &outcome {
            Ok(()) => self.db.jobs().finish(cx, &job).await,
            Err(error) => self.db.jobs().fail(cx, &job, error).await.map(|failed| {
                let (name, key, attempt) = (&job.name, &job.key, job.attempt);
                tracing::warn!(job = name, key, attempt, error = error.chain(), ?failed, "a job failed");
            }),
        };
        if let Err(error) = noted {
            // The lease ends by itself and the job runs again: at least once.
            tracing::warn!(job = job.name, key = job.key, error = error.chain(), "a job's end was not noted");
        }
    }

    async fn handle(&self, cx: &Cx, job: &Claimed) -> Result<()> {
        let Some((name, handler)) = self.registry.find(&job.name) else {
            return Err(Error::unavailable(format!("this process has no handler for {}", job.name)));
        };
        let cx = cx.as_system(name).caused_by(job.tenant, job.correlation, job.causation);
        guarded(name, async { handler(cx, job.payload.clone()).await }).await
    }

    /// Renews the lease in time; returns where that was impossible because somebody else has the job now.
    async fn keep_lease(&self, cx: &Cx, job: &Claimed) -> Error {
        let period = Duration::try_from(LEASE).unwrap_or(POLL) / 3;
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            match self.db.jobs().renew(cx, job).await {
                Err(error) if error.code() == "conflict" => return error,
                Err(error) => {
                    tracing::warn!(job = job.name, error = error.chain(), "a lease was not renewed");
                }
                Ok(()) => {}
            }
        }
    }
}
