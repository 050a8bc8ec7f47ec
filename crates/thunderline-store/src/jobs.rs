//! The job queue's mechanism: claim, renew, finish, fail, prune.
//!
//! A job runs at least once. A claim is a lease with a fencing token: who lost the lease can neither finish nor fail
//! the job any more. Jobs are enqueued by [`crate::Write`] only.

use sqlx::AssertSqlSafe;
use thunderline_core::{Cx, Error, ErrorKind, JobId, Result, SignedDuration, TenantId, Timestamp};
use uuid::Uuid;

use crate::{Db, Engine, Row, args, retry, signals};

/// How long a claim lasts without being renewed.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// Characters of an error's text that are kept.
const ERROR_TEXT: usize = 2_000;

/// Looks before a failure to put a job back is reported.
const CLASHES: u32 = 3;

const ANY_DUE: &str =
    "select 1 as due where exists (select 1 from tl_jobs where state = 'available' and run_at <= $1)
    or exists (select 1 from tl_jobs where state = 'running' and lease_until < $1)";

/// Jobs whose worker let the lease end, and jobs whose time has come: the choice of a claim. Two statements, so that
/// each finds its rows by an index of its own however many finished jobs there are.
const EXPIRED: (&str, &str) = ("j.state = 'running' and j.lease_until < $1", "j.lease_until");
const DUE: (&str, &str) = (
    "j.state = 'available' and j.run_at <= $1 and not exists
        (select 1 from tl_jobs r where r.name = j.name and r.key = j.key and r.state = 'running')",
    "j.priority, j.run_at, j.id",
);

const WORN_OUT: &str = "update tl_jobs set state = 'discarded', finished_at = $1, lease_until = null,
        last_error = 'its worker vanished in the last attempt'
    where state = 'running' and lease_until < $1 and attempts >= max_attempts";

const TAKE_OVER: &str = "update tl_jobs set lease_until = $1 where state = 'running' and lease_until > $1";

const RENEW: &str =
    "update tl_jobs set lease_until = $3 where id = $1 and lease_token = $2 and state = 'running'";

const FINISH: &str = "update tl_jobs set state = $3, finished_at = $4, last_error = $5, lease_until = null
    where id = $1 and lease_token = $2 and state = 'running'";

const RETRY: &str = "update tl_jobs set state = 'available', run_at = $3, last_error = $4, lease_until = null
    where id = $1 and lease_token = $2 and state = 'running' and not exists
        (select 1 from tl_jobs o where o.name = tl_jobs.name and o.key = tl_jobs.key and o.state = 'available')";

const LIST: &str = "select id, name, key, state, attempts, run_at, last_error from tl_jobs
    where ($1 is null or state = $1) order by created_at desc, id limit $2";

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
    /// The fencing token of this claim.
    pub token: i64,
    /// When the claim ends unless it is renewed.
    pub lease_until: Timestamp,
    order: (i64, i64),
}

/// What became of a failed job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It will be tried again then.
    Retry(Timestamp),
    /// The same job was enqueued meanwhile and takes its place.
    Replaced,
    /// It will not be tried again.
    Discarded,
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
    /// `available`, `running`, `completed`, `discarded` or `cancelled`.
    pub state: String,
    /// Attempts started so far.
    pub attempts: u32,
    /// Not before this time.
    pub run_at: Timestamp,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// The job queue.
pub struct Jobs(Db);

impl Jobs {
    pub(crate) fn new(db: Db) -> Self {
        Self(db)
    }

    /// Takes up to `limit` jobs that are due, most urgent first, or whose worker let its lease end. Only jobs with one
    /// of the `names`; any where there are none. A job waits while one of the same name and key is running.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn claim(&self, cx: &Cx, worker: &str, names: &[&str], limit: u32) -> Result<Vec<Claimed>> {
        let now = cx.now();
        if limit == 0 || !self.anything_due(now).await? {
            return Ok(Vec::new());
        }
        let mut tx = self.0.pools().begin_write(None).await?;
        tx.exec("job.worn_out", WORN_OUT, args![now]).await?;
        let mut jobs = Vec::new();
        for which in [EXPIRED, DUE] {
            let left = limit.saturating_sub(u32::try_from(jobs.len()).unwrap_or(limit));
            let sql = claim_sql(tx.engine(), which, names.len());
            let mut args = args![now, left, now + LEASE, worker];
            args.extend(names.iter().map(|&name| name.into()));
            let rows = tx.all("job.claim", AssertSqlSafe(sql), args).await?;
            let mut claimed = rows.iter().map(claimed).collect::<Result<Vec<_>>>()?;
            claimed.sort_by_key(|job| (job.order, job.id));
            jobs.append(&mut claimed);
        }
        tx.commit().await?;
        Ok(jobs)
    }

    /// A look before the claim, so that idle workers do not queue up for SQLite's single writer.
    async fn anything_due(&self, now: Timestamp) -> Result<bool> {
        let mut tx = self.0.pools().begin_read(None).await?;
        Ok(tx.one("job.any_due", ANY_DUE, args![now]).await?.is_some())
    }

    /// Extends the claim by another [`LEASE`].
    ///
    /// # Errors
    /// `conflict` where the lease was lost.
    pub async fn renew(&self, cx: &Cx, job: &Claimed) -> Result<()> {
        self.fenced("job.renew", RENEW, args![job.id, job.token, cx.now() + LEASE], job).await
    }

    /// Ends every lease, for a process that knows that no other works on this database: what a killed predecessor was doing
    /// is begun again at once instead of when its leases run out. Gives how many.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn take_over(&self, cx: &Cx) -> Result<u64> {
        let mut tx = self.0.pools().begin_write(None).await?;
        let rows =
            tx.exec("job.take_over", TAKE_OVER, args![cx.now() - SignedDuration::from_micros(1)]).await?;
        tx.commit().await?;
        self.0.signals().notify(signals::JOBS);
        Ok(rows)
    }

    /// Marks the job as done.
    ///
    /// # Errors
    /// `conflict` where the lease was lost: somebody else runs or ran it.
    pub async fn finish(&self, cx: &Cx, job: &Claimed) -> Result<()> {
        let none: Option<String> = None;
        self.end(cx, job, "completed", none).await
    }

    /// Notes a failure: another try later, or none where the error's class says that it cannot help.
    ///
    /// # Errors
    /// `conflict` where the lease was lost.
    pub async fn fail(&self, cx: &Cx, job: &Claimed, error: &Error) -> Result<Failed> {
        let text: String = error.chain().chars().take(ERROR_TEXT).collect();
        if retry::is_final(error.class()) || job.attempt >= job.max_attempts {
            self.end(cx, job, "discarded", Some(text)).await?;
            return Ok(Failed::Discarded);
        }
        let run_at = cx.now() + retry::delay(job.attempt, cx.random_u64());
        // On PostgreSQL the same job may be enqueued at this very moment; the next look sees it.
        for _ in 0..CLASHES {
            match self.retry(job, run_at, &text).await {
                Ok(true) => {
                    self.0.signals().notify(signals::JOBS);
                    return Ok(Failed::Retry(run_at));
                }
                Ok(false) => {
                    self.end(cx, job, "cancelled", Some(text)).await?;
                    return Ok(Failed::Replaced);
                }
                Err(clash) if clash.kind() == ErrorKind::Conflict => {}
                Err(other) => return Err(other),
            }
        }
        Err(Error::unavailable(format!("job {} {} is enqueued faster than it fails", job.name, job.key)))
    }

    /// False where the same job waits already (or the lease was lost).
    async fn retry(&self, job: &Claimed, run_at: Timestamp, error: &str) -> Result<bool> {
        let mut tx = self.0.pools().begin_write(None).await?;
        let rows = tx.exec("job.retry", RETRY, args![job.id, job.token, run_at, error]).await?;
        tx.commit().await?;
        Ok(rows == 1)
    }

    async fn end(&self, cx: &Cx, job: &Claimed, state: &str, error: Option<String>) -> Result<()> {
        self.fenced("job.finish", FINISH, args![job.id, job.token, state, cx.now(), error], job).await?;
        // A job of the same name and key may have waited for this one.
        self.0.signals().notify(signals::JOBS);
        Ok(())
    }

    async fn fenced(
        &self,
        name: &'static str,
        sql: &'static str,
        args: Vec<crate::Value>,
        job: &Claimed,
    ) -> Result<()> {
        let mut tx = self.0.pools().begin_write(None).await?;
        if tx.exec(name, sql, args).await? == 0 {
            return Err(Error::conflict(format!("the lease of job {} {} was lost", job.name, job.key)));
        }
        tx.commit().await
    }

    /// Forgets jobs that finished, and idempotency keys that were claimed, before the given time. Returns the number
    /// of rows.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn prune(&self, before: Timestamp) -> Result<u64> {
        let mut tx = self.0.pools().begin_write(None).await?;
        let jobs = tx.exec("job.prune", "delete from tl_jobs where finished_at < $1", args![before]).await?;
        let keys =
            tx.exec("idempotency.prune", "delete from tl_idempotency where at < $1", args![before]).await?;
        tx.commit().await?;
        Ok(jobs + keys)
    }

    /// Jobs, newest first; all or those in one state. The caller's own action decides who may ask.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn list(&self, state: Option<&str>, limit: u32) -> Result<Vec<JobEntry>> {
        let mut tx = self.0.pools().begin_read(None).await?;
        let rows = tx.all("job.list", LIST, args![state, limit]).await?;
        rows.iter().map(entry).collect()
    }
}

/// Arguments: now, limit, end of the lease, worker, then the names. The choice is materialized: PostgreSQL might else
/// evaluate it, with its limit, more than once.
fn claim_sql(engine: Engine, (which, order): (&str, &str), names: usize) -> String {
    let wanted = (0..names).map(|index| format!("${}", index + 5)).collect::<Vec<_>>().join(", ");
    let wanted = if names == 0 { String::new() } else { format!(" and j.name in ({wanted})") };
    let lock = if engine == Engine::Postgres { "for update skip locked" } else { "" };
    format!(
        "with chosen as materialized
            (select j.id from tl_jobs j where {which}{wanted} order by {order} limit $2 {lock})
        update tl_jobs set state = 'running', attempts = attempts + 1, lease_token = lease_token + 1,
            lease_until = $3, worker = $4, started_at = $1
        where id in (select id from chosen)
        returning id, name, key, payload, tenant, correlation, causation, attempts, max_attempts, lease_token,
            lease_until, priority, run_at"
    )
}

fn claimed(row: &Row) -> Result<Claimed> {
    Ok(Claimed {
        id: row.get("id")?,
        name: row.get("name")?,
        key: row.get("key")?,
        payload: row.get("payload")?,
        tenant: row.get("tenant")?,
        correlation: row.get("correlation")?,
        causation: row.get("causation")?,
        attempt: row.get("attempts")?,
        max_attempts: row.get("max_attempts")?,
        token: row.get("lease_token")?,
        lease_until: row.get("lease_until")?,
        order: (row.get("priority")?, row.get("run_at")?),
    })
}

fn entry(row: &Row) -> Result<JobEntry> {
    Ok(JobEntry {
        id: row.get("id")?,
        name: row.get("name")?,
        key: row.get("key")?,
        state: row.get("state")?,
        attempts: row.get("attempts")?,
        run_at: row.get("run_at")?,
        last_error: row.get("last_error")?,
    })
}
