//! All background work of a domain together.

use thunderline_core::{Cx, Error, Result};
use thunderline_store::Db;

use crate::{Kind, Periodic, Relay, Tasks, Work, Worker};

/// Passes after which work that still makes new work is called endless.
const ENDLESS: usize = 10_000;

/// Jobs of one domain that run at the same time.
const CONCURRENCY: usize = 4;

/// The worker, the relay and the reconcilers of a domain. Cheap to clone.
#[derive(Clone)]
pub struct Background {
    /// Runs jobs.
    pub worker: Worker,
    /// Hands on events.
    pub relay: Relay,
    /// Mends things again and again.
    pub periodic: Periodic,
}

impl Background {
    /// What carries out this work of this domain.
    #[must_use]
    pub fn of(domain: &str, db: &Db, work: Work) -> Self {
        let worker = format!("{domain}@{}", std::process::id());
        Self {
            worker: Worker::new(db.clone(), work.jobs, &worker, CONCURRENCY),
            relay: Relay::new(db.clone(), work.subscriptions),
            periodic: Periodic::new(work.reconcilers),
        }
    }

    /// Starts all three as tasks without which the domain is useless: the end of one is the end of all.
    pub fn start(&self, tasks: &Tasks, cx: &Cx) {
        let (worker, at) = (self.worker.clone(), cx.clone());
        tasks.spawn("jobs", Kind::Vital, move |cancel| {
            let (worker, cx) = (worker.clone(), at.clone());
            async move { worker.run(cx, cancel).await }
        });
        let (relay, at) = (self.relay.clone(), cx.clone());
        tasks.spawn("relay", Kind::Vital, move |cancel| {
            let (relay, cx) = (relay.clone(), at.clone());
            async move { relay.run(cx, cancel).await }
        });
        let (periodic, at) = (self.periodic.clone(), cx.clone());
        tasks.spawn("periodic", Kind::Vital, move |cancel| {
            let (periodic, cx) = (periodic.clone(), at.clone());
            async move { periodic.run(cx, cancel).await }
        });
    }

    /// Hands on events and runs jobs until neither is left for now: what a test or a simulation calls after each step.
    /// Reconcilers are run by hand. Returns how many events and jobs there were.
    ///
    /// # Errors
    /// The first consumer's failure; a queue that cannot be read; work without end. Failed jobs are not errors here.
    pub async fn settle(&self, cx: &Cx) -> Result<usize> {
        let mut total = 0;
        for _ in 0..ENDLESS {
            let relayed = self.relay.run_once(cx).await;
            if let Some((consumer, error)) = relayed.failures.into_iter().next() {
                let message = format!("consumer {consumer} failed: {}", error.chain());
                return Err(Error::new(error.kind(), message).caused_by(error));
            }
            let done = relayed.delivered + self.worker.run_once(cx).await?;
            if done == 0 {
                return Ok(total);
            }
            total += done;
        }
        Err(Error::internal("events and jobs make new ones without end"))
    }
}

/// Starts a task that hears the wake-ups of other processes.
pub fn hear_wake_ups(tasks: &Tasks, db: &Db) {
    let db = db.clone();
    tasks.spawn("wake-ups", Kind::Restarting, move |cancel| {
        let db = db.clone();
        async move {
            let listener = db.listen().await?;
            tokio::select! {
                ended = listener.run() => ended,
                () = cancel.cancelled() => Ok(()),
            }
        }
    });
}
