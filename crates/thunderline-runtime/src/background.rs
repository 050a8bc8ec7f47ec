//! All background work of a process together.

use thunderline_core::{Cx, Error, Result};

use crate::{Kind, Periodic, Relay, Tasks, Worker};

/// Passes after which work that still makes new work is called endless.
const ENDLESS: usize = 10_000;

/// The worker, the relay and the reconcilers of a process. Cheap to clone.
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
    /// Starts all three as supervised tasks, and one that hears the wake-ups of other processes.
    pub fn start(&self, tasks: &Tasks, cx: &Cx) {
        let (worker, at) = (self.worker.clone(), cx.clone());
        tasks.spawn("jobs", Kind::Restarting, move |cancel| {
            let (worker, cx) = (worker.clone(), at.clone());
            async move { worker.run(cx, cancel).await }
        });
        let (relay, at) = (self.relay.clone(), cx.clone());
        tasks.spawn("relay", Kind::Restarting, move |cancel| {
            let (relay, cx) = (relay.clone(), at.clone());
            async move { relay.run(cx, cancel).await }
        });
        let db = self.worker.db().clone();
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
        let (periodic, at) = (self.periodic.clone(), cx.clone());
        tasks.spawn("periodic", Kind::Restarting, move |cancel| {
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
