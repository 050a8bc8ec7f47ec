//! Jobs: work to be done later, enqueued in the transaction that is its reason.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::JobId;

/// A kind of work. Handlers must be idempotent: a job runs at least once.
pub trait Job: Serialize + DeserializeOwned {
    /// `domain.noun.verb`, for example `fl.federation.drive`.
    const NAME: &'static str;

    /// Which of several jobs that are due is begun first: the smaller number.
    const PRIORITY: i64 = 0;

    /// Attempts before it is given up, those included whose worker vanished. How often an error is answered by another
    /// try depends on its class; this is the cap over all classes.
    const MAX_ATTEMPTS: u32 = 20;

    /// How many of this kind one process runs at the same time; `None`: as many as its worker runs at all.
    const CONCURRENCY: Option<u32> = None;

    /// Jobs with the same name and key that wait to start are one job. A job that is already running does not count:
    /// what was enqueued meanwhile runs again afterwards, so that no wake-up is lost.
    fn key(&self) -> String;
}

/// One attempt at a job, as its handler knows it. Everything that is written under a context that carries one commits
/// only while the attempt still holds the job.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The job.
    pub job: JobId,
    /// Which attempt, from 1. Snoozing does not count.
    pub number: u32,
    /// Attempts before the job is given up.
    pub most: u32,
    /// The fencing token: grows with each claim of the job.
    pub token: i64,
    completed: Arc<AtomicBool>,
}

impl Attempt {
    /// The attempt that holds the job under this token.
    #[must_use]
    pub fn new(job: JobId, number: u32, most: u32, token: i64) -> Self {
        Self { job, number, most, token, completed: Arc::default() }
    }

    /// True where the job was completed together with its effect.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.completed.load(Ordering::Acquire)
    }

    /// Notes that the job was completed together with its effect, which is committed.
    pub fn set_completed(&self) {
        self.completed.store(true, Ordering::Release);
    }
}
