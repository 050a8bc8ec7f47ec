//! Jobs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_core::Timestamp;
use thunderline_store::{AttemptEntry, JobDetails as Found, JobEntry};
use utoipa::ToSchema;

/// A job, as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// The kind of job: `fl.federation.drive`.
    pub name: String,
    /// What it is about; of the jobs of one name and key one waits at most.
    pub key: String,
    /// `available`, `running`, `completed`, `discarded` or `cancelled`.
    pub state: String,
    /// The smaller, the more urgent.
    pub priority: i64,
    /// Attempts begun so far; snoozed ones are not counted.
    pub attempts: u32,
    /// Attempts before it is given up.
    pub max_attempts: u32,
    /// Attempts that ended in an error.
    pub failures: u32,
    /// It is not begun before this time.
    pub run_at: Timestamp,
    /// Who has it or had it last.
    pub worker: Option<String>,
    /// Why the last attempt failed, or why it was cancelled.
    pub last_error: Option<String>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When its last attempt began.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

/// A job with its attempts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobDetails {
    /// What lists show.
    #[serde(flatten)]
    pub job: Job,
    /// The job itself.
    pub payload: Value,
    /// Ties together everything that one request set off.
    pub correlation: String,
    /// The event that caused it, if one did.
    pub causation: Option<String>,
    /// Attempts that are over, the first one first.
    pub history: Vec<JobAttempt>,
}

/// An attempt that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobAttempt {
    /// Which attempt; one that was snoozed is repeated under its number.
    pub attempt: u32,
    /// Who made it.
    pub worker: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// `completed`, `failed`, `snoozed`, `cancelled` or `lost` (its worker vanished).
    pub outcome: String,
    /// Why it failed, or why it was cancelled.
    pub error: Option<String>,
}

/// Why a job is not to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CancelJob {
    /// Why; shown to whoever looks at it later.
    #[serde(default)]
    pub reason: String,
}

impl From<JobEntry> for Job {
    fn from(it: JobEntry) -> Self {
        Self {
            id: it.id.to_string(),
            name: it.name,
            key: it.key,
            state: it.state.name().to_owned(),
            priority: it.priority,
            attempts: it.attempts,
            max_attempts: it.max_attempts,
            failures: it.failures,
            run_at: it.run_at,
            worker: it.worker,
            last_error: it.last_error,
            created_at: it.created_at,
            started_at: it.started_at,
            finished_at: it.finished_at,
        }
    }
}

impl From<AttemptEntry> for JobAttempt {
    fn from(it: AttemptEntry) -> Self {
        let AttemptEntry { attempt, worker, started_at, ended_at, outcome, error } = it;
        Self { attempt, worker, started_at, ended_at, outcome, error }
    }
}

impl From<Found> for JobDetails {
    fn from(it: Found) -> Self {
        Self {
            job: it.job.into(),
            payload: it.payload,
            correlation: it.correlation.to_string(),
            causation: it.causation.map(|id| id.to_string()),
            history: it.attempts.into_iter().map(Into::into).collect(),
        }
    }
}
