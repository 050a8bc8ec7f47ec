//! What jobs there are, and what was tried.

use thunderline_core::{JobId, Result, TenantId, Timestamp};
use uuid::Uuid;

use super::{Claimed, JobState, Jobs};
use crate::{Row, args, engine::Tx};

const INSERT: &str = "insert into tl_job_attempts
        (job, token, attempt, worker, started_at, ended_at, outcome, error)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Ids are in the order of their making.
const LIST: &str = "select id, name, key, state, priority, attempts, max_attempts, failures, run_at, worker,
        last_error, created_at, started_at, finished_at from tl_jobs
    where ($1 is null or state = $1) and ($2 is null or name = $2) and ($3 is null or tenant = $3)
        and ($4 is null or id < $4)
    order by id desc limit $5";

const ENTRY: &str = "select id, name, key, state, priority, attempts, max_attempts, failures, run_at, worker,
        last_error, created_at, started_at, finished_at from tl_jobs where id = $1";

const SHOW: &str = "select id, name, key, state, priority, attempts, max_attempts, failures, run_at, worker,
        last_error, created_at, started_at, finished_at, payload, tenant, correlation, causation
    from tl_jobs where id = $1 and ($2 is null or tenant = $2)";

const ATTEMPTS: &str = "select attempt, worker, started_at, ended_at, outcome, error from tl_job_attempts
    where job = $1 order by token";

/// Which jobs; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// In this state.
    pub state: Option<JobState>,
    /// Of this kind.
    pub name: Option<String>,
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// Made before this one: the last of the piece before.
    pub before: Option<JobId>,
}

/// A job as listings show it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobEntry {
    /// The job's id.
    pub id: JobId,
    /// [`thunderline_core::Job::NAME`].
    pub name: String,
    /// [`thunderline_core::Job::key`].
    pub key: String,
    /// Where it stands.
    pub state: JobState,
    /// Smaller is more urgent.
    pub priority: i64,
    /// Attempts started so far; snoozed ones are not counted.
    pub attempts: u32,
    /// Attempts before it is given up.
    pub max_attempts: u32,
    /// Attempts that ended in an error.
    pub failures: u32,
    /// Not before this time.
    pub run_at: Timestamp,
    /// Who has or had it last.
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

/// An attempt that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptEntry {
    /// Which attempt, from 1; one that was snoozed is repeated under its number.
    pub attempt: u32,
    /// Who made it.
    pub worker: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// `completed`, `failed`, `snoozed`, `cancelled` or `lost`: its worker vanished.
    pub outcome: String,
    /// Why it failed, or why it was cancelled.
    pub error: Option<String>,
}

/// A job with everything that is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct JobDetails {
    /// What listings show.
    pub job: JobEntry,
    /// The job itself.
    pub payload: serde_json::Value,
    /// Whose job.
    pub tenant: TenantId,
    /// Ties together everything that one request set off.
    pub correlation: Uuid,
    /// The event that caused it, if one did.
    pub causation: Option<Uuid>,
    /// Attempts that are over, the first one first.
    pub attempts: Vec<AttemptEntry>,
}

impl Jobs {
    /// Jobs, newest first. The caller's own action decides who may ask.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn list(&self, filter: &JobFilter, limit: u32) -> Result<Vec<JobEntry>> {
        let mut tx = self.0.pools().begin_read(None).await?;
        let state = filter.state.map(JobState::name);
        let args = args![state, filter.name.as_deref(), filter.tenant, filter.before, limit];
        tx.all("job.list", LIST, args).await?.iter().map(entry).collect()
    }

    /// One job with its attempts; of any tenant, or of one. The caller's own action decides who may ask.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn show(&self, id: JobId, tenant: Option<TenantId>) -> Result<Option<JobDetails>> {
        let mut tx = self.0.pools().begin_read(None).await?;
        let Some(row) = tx.one("job.show", SHOW, args![id, tenant]).await? else { return Ok(None) };
        let attempts = tx.all("job.attempts", ATTEMPTS, args![id]).await?;
        Ok(Some(JobDetails {
            job: entry(&row)?,
            payload: row.get("payload")?,
            tenant: row.get("tenant")?,
            correlation: row.get("correlation")?,
            causation: row.get("causation")?,
            attempts: attempts.iter().map(attempt).collect::<Result<_>>()?,
        }))
    }
}

pub(super) async fn entry_of(tx: &mut Tx, id: JobId) -> Result<Option<JobEntry>> {
    tx.one("job.entry", ENTRY, args![id]).await?.as_ref().map(entry).transpose()
}

/// Keeps an attempt that this worker made.
pub(super) async fn insert_claimed(
    tx: &mut Tx,
    job: &Claimed,
    outcome: &str,
    error: Option<&str>,
    ended_at: Timestamp,
) -> Result<()> {
    let row = args![job.id, job.token, job.attempt, &job.worker, job.started_at, ended_at, outcome, error];
    tx.exec("job.keep_attempt", INSERT, row).await.map(drop)
}

/// Keeps the attempt that is under way according to the job's row: its id, attempts, lease_token, worker and started_at.
pub(super) async fn insert(
    tx: &mut Tx,
    job: &Row,
    outcome: &str,
    error: Option<&str>,
    ended_at: Timestamp,
) -> Result<()> {
    let (id, token, attempt): (JobId, i64, u32) =
        (job.get("id")?, job.get("lease_token")?, job.get("attempts")?);
    let (worker, started_at): (String, Timestamp) = (job.get("worker")?, job.get("started_at")?);
    let row = args![id, token, attempt, worker, started_at, ended_at, outcome, error];
    tx.exec("job.keep_attempt", INSERT, row).await.map(drop)
}

fn entry(row: &Row) -> Result<JobEntry> {
    let state: String = row.get("state")?;
    Ok(JobEntry {
        id: row.get("id")?,
        name: row.get("name")?,
        key: row.get("key")?,
        state: JobState::named(&state).ok_or_else(|| {
            thunderline_core::Error::internal(format!("a job is in the unknown state {state}"))
        })?,
        priority: row.get("priority")?,
        attempts: row.get("attempts")?,
        max_attempts: row.get("max_attempts")?,
        failures: row.get("failures")?,
        run_at: row.get("run_at")?,
        worker: row.get("worker")?,
        last_error: row.get("last_error")?,
        created_at: row.get("created_at")?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
    })
}

fn attempt(row: &Row) -> Result<AttemptEntry> {
    Ok(AttemptEntry {
        attempt: row.get("attempt")?,
        worker: row.get("worker")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        outcome: row.get("outcome")?,
        error: row.get("error")?,
    })
}
