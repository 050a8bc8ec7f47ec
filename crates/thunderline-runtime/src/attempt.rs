//! One attempt at a job: running its handler while the lease is kept, and noting how that ended.

use std::{collections::BTreeSet, time::Duration};

use thunderline_core::{Attempt, Cx, Error, JobId, Result};
use thunderline_store::{Claimed, Db, LEASE, taken_away};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Done, Registry, guard::guarded};

/// How an attempt ended.
pub(crate) struct Ended {
    pub job: Claimed,
    pub outcome: Outcome,
}

pub(crate) enum Outcome {
    /// The handler succeeded, and its job was completed with the effect.
    CompletedAlready,
    Done(Done),
    Failed(Error),
    /// Somebody else has the job now, or it was cancelled.
    TakenAway,
}

/// Runs the job's handler to its end, or until the job is taken away. `stopping` is for handlers that may take long.
pub(crate) async fn attempt(
    db: &Db,
    registry: &Registry,
    cx: &Cx,
    job: Claimed,
    stopping: CancellationToken,
) -> Ended {
    let attempt = job.attempt();
    let outcome = tokio::select! {
        outcome = handle(registry, cx, &job, &attempt, stopping) => match outcome {
            _ if attempt.is_completed() => Outcome::CompletedAlready,
            Ok(done) => Outcome::Done(done),
            Err(error) => Outcome::Failed(error),
        },
        lost = keep_lease(db, cx, &job) => {
            tracing::warn!(job = job.name, key = job.key, error = lost.chain(), "a job was taken away");
            Outcome::TakenAway
        }
    };
    Ended { job, outcome }
}

async fn handle(
    registry: &Registry,
    cx: &Cx,
    job: &Claimed,
    attempt: &Attempt,
    stopping: CancellationToken,
) -> Result<Done> {
    let Some((name, kind)) = registry.find(&job.name) else {
        return Err(Error::unavailable(format!("this process has no handler for {}", job.name)));
    };
    let cx = cx.as_system(name).caused_by(job.tenant, job.correlation, job.causation);
    let cx = cx.in_attempt(attempt.clone());
    guarded(name, async { (kind.handler)(cx, job.payload.clone(), stopping).await }).await
}

/// Renews the lease in time; returns where that was impossible because the handler does not hold the job any more.
async fn keep_lease(db: &Db, cx: &Cx, job: &Claimed) -> Error {
    let period = Duration::try_from(LEASE).unwrap_or(Duration::from_secs(30)) / 3;
    let topic = taken_away(job.id);
    loop {
        let waiter = db.signals().waiter(&topic);
        let _either = timeout(period, waiter.wait()).await;
        match db.jobs().renew(cx, job).await {
            Err(error) if error.code() == "conflict" => return error,
            Err(error) => {
                tracing::warn!(job = job.name, error = error.chain(), "a lease was not renewed");
            }
            Ok(()) => {}
        }
    }
}

/// Notes how attempts ended. What cannot be noted runs again when its lease has ended: at least once.
pub(crate) async fn note(db: &Db, cx: &Cx, ended: Vec<Ended>) {
    let done = note_others(db, cx, ended).await;
    note_done(db, cx, &done).await;
}

/// Notes how attempts ended that did not complete their jobs, and gives the jobs that are to be noted as completed.
pub(crate) async fn note_others(db: &Db, cx: &Cx, ended: Vec<Ended>) -> Vec<Claimed> {
    let mut done = Vec::new();
    for Ended { job, outcome } in ended {
        match outcome {
            Outcome::Done(Done::Completed) => done.push(job),
            Outcome::CompletedAlready | Outcome::TakenAway => {}
            outcome => {
                if let Err(error) = note_one(db, cx, &job, outcome).await {
                    unnoted(&job, &error);
                }
            }
        }
    }
    done
}

/// Notes jobs as completed.
pub(crate) async fn note_done(db: &Db, cx: &Cx, done: &[Claimed]) {
    if done.is_empty() {
        return;
    }
    match db.jobs().finish_all(cx, done).await {
        Ok(finished) => warn_of_lost(done, &finished),
        Err(error) => done.iter().for_each(|job| unnoted(job, &error)),
    }
}

/// Says which jobs somebody else has now.
pub(crate) fn warn_of_lost(done: &[Claimed], finished: &BTreeSet<JobId>) {
    for job in done.iter().filter(|job| !finished.contains(&job.id)) {
        unnoted(job, &Error::conflict("the lease was lost"));
    }
}

async fn note_one(db: &Db, cx: &Cx, job: &Claimed, outcome: Outcome) -> Result<()> {
    match outcome {
        Outcome::Done(Done::Snooze(pause)) => db.jobs().snooze(cx, job, cx.now() + pause).await.map(drop),
        Outcome::Done(Done::Cancel(reason)) => db.jobs().call_off(cx, job, &reason).await,
        Outcome::Failed(error) => {
            let failed = db.jobs().fail(cx, job, &error).await?;
            let (name, key, attempt) = (&job.name, &job.key, job.attempt);
            tracing::warn!(job = name, key, attempt, error = error.chain(), ?failed, "a job failed");
            Ok(())
        }
        Outcome::Done(Done::Completed) | Outcome::CompletedAlready | Outcome::TakenAway => Ok(()),
    }
}

fn unnoted(job: &Claimed, error: &Error) {
    tracing::warn!(job = job.name, key = job.key, error = error.chain(), "a job's end was not noted");
}
