//! Taking jobs: what is due, what a vanished worker left behind, or one by its id.

use sqlx::AssertSqlSafe;
use thunderline_core::{
    Cx, Error, ErrorKind, JobId, Result, SignedDuration, Timestamp,
    seams::{Bug, planted},
};

use super::{Claimed, JobState, Jobs, LEASE, history};
use crate::{Engine, args, engine::Tx, signals};

/// A look before the claim, so that idle workers do not queue up for SQLite's single writer.
const LOOK: &str = "select (select 1 from tl_jobs where state = 'available' and run_at <= $1 limit 1) as due,
    (select 1 from tl_jobs where state = 'running' and lease_until < $1 limit 1) as expired";

const RUN: &str =
    "update tl_jobs set state = 'running', attempts = attempts + 1, lease_token = lease_token + 1,
        lease_until = $2, worker = $3, started_at = $1";
const CLAIMED: &str =
    "returning id, name, key, payload, tenant, correlation, causation, attempts, max_attempts,
        failures, lease_token, lease_until, started_at, worker, priority, run_at";

/// Leases that ended. Rows that somebody is just now ending or renewing are left to them.
const EXPIRED: &str =
    "select id, name, key, attempts, max_attempts, lease_token, worker, started_at from tl_jobs
    where state = 'running' and lease_until < $1 order by lease_until limit 1000";
const GIVE_UP: &str =
    "update tl_jobs set state = 'discarded', finished_at = $2, last_error = $3, lease_until = null
    where id = $1";
const PUT_BACK: &str =
    "update tl_jobs set state = $2, finished_at = $3, last_error = $4, lease_until = null where id = $1";
const SAME_WAITS: &str =
    "select 1 as found from tl_jobs where name = $1 and key = $2 and state = 'available'";

const TAKE_OVER: &str = "update tl_jobs set lease_until = $1 where state = 'running' and lease_until > $1";

const RENEW: &str =
    "update tl_jobs set lease_until = $3 where id = $1 and lease_token = $2 and state = 'running'";

const VANISHED: &str = "its worker vanished";

impl Jobs {
    /// Takes up to `limit` jobs that are due, most urgent first, after putting back those whose worker let its lease end.
    /// Only jobs with one of the `names`; any where there are none. A job waits while one of the same name and key is
    /// running.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn claim(&self, cx: &Cx, worker: &str, names: &[&str], limit: u32) -> Result<Vec<Claimed>> {
        if limit == 0 || !self.look(cx).await? {
            return Ok(Vec::new());
        }
        let mut tx = self.0.pools().begin_queue().await?;
        let jobs = claim_in(&mut tx, cx, worker, names, limit).await?;
        tx.commit().await?;
        Ok(jobs)
    }

    /// Whether jobs are due, after putting back those whose worker let its lease end.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn look(&self, cx: &Cx) -> Result<bool> {
        let now = cx.now();
        let (due, expired) = self.due_and_expired(now).await?;
        if expired {
            match self.put_back(now).await {
                // On PostgreSQL the same job may be enqueued at this very moment; the next look sees it.
                Err(clash) if clash.kind() == ErrorKind::Conflict => {}
                other => other?,
            }
        }
        Ok(due || expired)
    }

    /// Takes one waiting job, whether or not its time has come.
    ///
    /// # Errors
    /// `not_found`; `conflict` where it does not wait, or the same job is running.
    pub async fn claim_one(&self, cx: &Cx, worker: &str, id: JobId) -> Result<Claimed> {
        let now = cx.now();
        let mut tx = self.0.pools().begin_write(None).await?;
        let Some(row) = tx
            .one("job.claim_one", AssertSqlSafe(claim_one_sql()), args![now, now + LEASE, worker, id])
            .await?
        else {
            let job = history::entry_of(&mut tx, id).await?.ok_or_else(|| missing(id))?;
            return Err(match job.state {
                JobState::Available => Error::conflict("the same job is running; try again when it is done"),
                state => Error::conflict(format!("the job is {}, so it cannot be begun", state.name())),
            });
        };
        tx.commit().await?;
        Claimed::from_row(&row)
    }

    async fn due_and_expired(&self, now: Timestamp) -> Result<(bool, bool)> {
        let mut tx = self.0.pools().begin_read(None).await?;
        let Some(row) = tx.one("job.look", LOOK, args![now]).await? else { return Ok((false, false)) };
        Ok((row.get::<Option<i64>>("due")?.is_some(), row.get::<Option<i64>>("expired")?.is_some()))
    }

    /// Jobs whose lease ended wait again; or are given up where this was the last attempt, or give way where the same job
    /// waits already.
    async fn put_back(&self, now: Timestamp) -> Result<()> {
        let mut tx = self.0.pools().begin_write(None).await?;
        let lock = if tx.engine() == Engine::Postgres { " for update skip locked" } else { "" };
        let expired = tx.all("job.expired", AssertSqlSafe(format!("{EXPIRED}{lock}")), args![now]).await?;
        for row in &expired {
            let (id, attempts): (JobId, u32) = (row.get("id")?, row.get("attempts")?);
            history::insert(&mut tx, row, "lost", Some(VANISHED), now).await?;
            if attempts >= row.get("max_attempts")? {
                let why = format!("{VANISHED} in the last attempt");
                tx.exec("job.give_up", GIVE_UP, args![id, now, why]).await?;
                continue;
            }
            let same = args![row.get::<String>("name")?, row.get::<String>("key")?];
            let (state, finished_at, error) = match tx.one("job.same_waits", SAME_WAITS, same).await? {
                None => ("available", None, VANISHED),
                Some(_) => ("cancelled", Some(now), "its worker vanished, and the same job waits"),
            };
            tx.exec("job.put_back", PUT_BACK, args![id, state, finished_at, error]).await?;
        }
        tx.commit().await
    }

    /// Extends the claim by another [`LEASE`].
    ///
    /// # Errors
    /// `conflict` where the lease was lost.
    pub async fn renew(&self, cx: &Cx, job: &Claimed) -> Result<()> {
        let mut tx = self.0.pools().begin_write(None).await?;
        let renewed = tx.exec("job.renew", RENEW, args![job.id, job.token, cx.now() + LEASE]).await?;
        if renewed == 0 {
            return Err(lost(&job.name, &job.key));
        }
        tx.commit().await
    }

    /// Ends every lease, for a process that knows that no other works on this database: what a killed predecessor was doing
    /// is begun again at once instead of when its leases run out. Gives how many.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn take_over(&self, cx: &Cx) -> Result<u64> {
        let mut tx = self.0.pools().begin_write(None).await?;
        let past = cx.now() - SignedDuration::from_micros(1);
        let rows = tx.exec("job.take_over", TAKE_OVER, args![past]).await?;
        tx.commit().await?;
        self.0.signals().notify(signals::JOBS);
        Ok(rows)
    }
}

pub(super) async fn claim_in(
    tx: &mut Tx,
    cx: &Cx,
    worker: &str,
    names: &[&str],
    limit: u32,
) -> Result<Vec<Claimed>> {
    let now = cx.now();
    let mut args = args![now, now + LEASE, worker, limit];
    args.extend(names.iter().map(|&name| name.into()));
    let mut sql = claim_sql(tx.engine(), names.len());
    if planted(Bug::RunTwins) {
        sql = sql.replace("r.state = 'running'", "r.state = 'planted'");
    }
    let rows = tx.all("job.claim", AssertSqlSafe(sql), args).await?;
    let mut jobs = rows.iter().map(Claimed::from_row).collect::<Result<Vec<_>>>()?;
    jobs.sort_by_key(|job| (job.order, job.id));
    Ok(jobs)
}

/// Arguments: now, end of the lease, worker, limit, then the names. The choice is materialized: PostgreSQL might else
/// evaluate it, with its limit, more than once.
fn claim_sql(engine: Engine, names: usize) -> String {
    let wanted = (0..names).map(|index| format!("${}", index + 5)).collect::<Vec<_>>().join(", ");
    let wanted = if names == 0 { String::new() } else { format!(" and j.name in ({wanted})") };
    let lock = if engine == Engine::Postgres { "for update skip locked" } else { "" };
    format!(
        "with chosen as materialized
            (select j.id from tl_jobs j where j.state = 'available' and j.run_at <= $1 and not exists
                (select 1 from tl_jobs r where r.name = j.name and r.key = j.key and r.state = 'running'){wanted}
            order by j.priority, j.run_at, j.id limit $4 {lock})
        {RUN} where id in (select id from chosen) {CLAIMED}"
    )
}

fn claim_one_sql() -> String {
    format!(
        "{RUN} where id = $4 and state = 'available' and not exists
            (select 1 from tl_jobs r where r.name = tl_jobs.name and r.key = tl_jobs.key and r.state = 'running')
        {CLAIMED}"
    )
}

pub(super) fn lost(name: &str, key: &str) -> Error {
    Error::conflict(format!("the lease of job {name} {key} was lost"))
}

pub(super) fn missing(id: JobId) -> Error {
    Error::not_found(format_args!("job {id}"))
}
