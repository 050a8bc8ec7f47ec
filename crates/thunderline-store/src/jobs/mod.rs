//! The job queue's mechanism.
//!
//! A job runs at least once. A claim is a lease with a fencing token: who lost the lease can neither end the job nor
//! commit anything in its name any more. Jobs are enqueued by [`crate::Write`] only, and steered by it too ([`steer`]).

mod claim;
mod end;
pub(crate) mod enqueue;
pub(crate) mod fence;
mod history;
mod presence;
mod retry;
mod state;
mod steer;
mod turn;

use thunderline_core::{Attempt, JobId, Result, SignedDuration, TenantId, Timestamp};
use uuid::Uuid;

use crate::{Db, Row};

pub use end::Failed;
pub use enqueue::NamedJob;
pub use history::{AttemptEntry, JobDetails, JobEntry, JobFilter};
pub use presence::Presence;
pub use state::JobState;
pub use turn::{Turn, Wanted};

/// How long a claim lasts without being renewed.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// Characters of an error's text that are kept.
const ERROR_TEXT: usize = 2_000;

/// The job queue.
pub struct Jobs(Db);

/// A job that this worker may run until its lease ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The job's id.
    pub id: JobId,
    /// [`thunderline_core::Job::NAME`].
    pub name: String,
    /// [`thunderline_core::Job::key`].
    pub key: String,
    /// The job itself.
    pub payload: serde_json::Value,
    /// Whose job.
    pub tenant: TenantId,
    /// Ties together everything that one request set off.
    pub correlation: Uuid,
    /// The event that caused it, if one did.
    pub causation: Option<Uuid>,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Attempts before it is given up.
    pub max_attempts: u32,
    /// Attempts that ended in an error.
    pub failures: u32,
    /// The fencing token of this claim.
    pub token: i64,
    /// When the claim ends unless it is renewed.
    pub lease_until: Timestamp,
    /// When this attempt began.
    pub started_at: Timestamp,
    worker: String,
    order: (i64, i64),
}

impl Jobs {
    pub(crate) fn new(db: Db) -> Self {
        Self(db)
    }
}

impl Claimed {
    /// What the handler's context carries.
    #[must_use]
    pub fn attempt(&self) -> Attempt {
        Attempt::new(self.id, self.attempt, self.max_attempts, self.token)
    }

    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            name: row.get("name")?,
            key: row.get("key")?,
            payload: row.get("payload")?,
            tenant: row.get("tenant")?,
            correlation: row.get("correlation")?,
            causation: row.get("causation")?,
            attempt: row.get("attempts")?,
            max_attempts: row.get("max_attempts")?,
            failures: row.get("failures")?,
            token: row.get("lease_token")?,
            lease_until: row.get("lease_until")?,
            started_at: row.get("started_at")?,
            worker: row.get("worker")?,
            order: (row.get("priority")?, row.get("run_at")?),
        })
    }
}

/// The topic that is notified where a job was taken away from its handler.
#[must_use]
pub fn taken_away(job: JobId) -> String {
    format!("job:{job}")
}

fn cut(text: &str) -> String {
    text.chars().take(ERROR_TEXT).collect()
}
