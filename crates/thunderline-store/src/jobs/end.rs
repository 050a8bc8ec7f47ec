//! Ending an attempt: done, failed, later, or not at all.

use std::{collections::BTreeSet, fmt::Write as _};

use thunderline_core::{Cx, Error, ErrorKind, JobId, Result, Timestamp};

use super::{Claimed, Jobs, claim::lost, cut, history, retry};
use crate::{Engine, args, engine::Tx, signals};

/// Looks before a failure to put a job back is reported.
const CLASHES: u32 = 3;

/// Several jobs in one statement; `$1` is a list of `{"id", "token"}`.
const FINISH_POSTGRES: &str = "with ended as (
        update tl_jobs j set state = 'completed', finished_at = $2, last_error = null, lease_until = null
        from jsonb_to_recordset($1::jsonb) as done (id uuid, token bigint)
        where j.id = done.id and j.lease_token = done.token and j.state = 'running'
        returning j.id, j.lease_token, j.attempts, j.worker, j.started_at),
    kept as (
        insert into tl_job_attempts (job, token, attempt, worker, started_at, ended_at, outcome)
        select id, lease_token, attempts, worker, started_at, $2, 'completed' from ended)
    select id from ended";

const KEEP_SQLITE: &str = "insert into tl_job_attempts (job, token, attempt, worker, started_at, ended_at, outcome)
    select j.id, j.lease_token, j.attempts, j.worker, j.started_at, $2, 'completed'
    from json_each($1) done cross join tl_jobs j
    where j.id = unhex(done.value ->> 'id') and j.lease_token = done.value ->> 'token' and j.state = 'running'";
const FINISH_SQLITE: &str =
    "update tl_jobs set state = 'completed', finished_at = $2, last_error = null, lease_until = null
    from json_each($1) done
    where tl_jobs.id = unhex(done.value ->> 'id') and tl_jobs.lease_token = done.value ->> 'token'
        and tl_jobs.state = 'running'
    returning id";

const END: &str =
    "update tl_jobs set state = $3, finished_at = $4, last_error = $5, failures = $6, lease_until = null
    where id = $1 and lease_token = $2 and state = 'running'";

const AGAIN: &str = "update tl_jobs set state = 'available', run_at = $3, last_error = $4, failures = $5,
        attempts = $6, lease_until = null
    where id = $1 and lease_token = $2 and state = 'running' and not exists
        (select 1 from tl_jobs o where o.name = tl_jobs.name and o.key = tl_jobs.key and o.state = 'available')";

/// What became of a job that was not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It will be tried again then.
    Retry(Timestamp),
    /// The same job was enqueued meanwhile and takes its place.
    Replaced,
    /// It will not be tried again.
    Discarded,
}

/// How an attempt ended that did not complete its job.
struct Ending<'a> {
    outcome: &'static str,
    error: Option<&'a str>,
    failures: u32,
    attempts: u32,
}

impl Jobs {
    /// Marks the job as done.
    ///
    /// # Errors
    /// `conflict` where the lease was lost: somebody else runs or ran it.
    pub async fn finish(&self, cx: &Cx, job: &Claimed) -> Result<()> {
        match self.finish_all(cx, std::slice::from_ref(job)).await?.contains(&job.id) {
            true => Ok(()),
            false => Err(lost(&job.name, &job.key)),
        }
    }

    /// Marks jobs as done, all in one transaction, and gives the ids of those whose lease was not lost.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn finish_all(&self, cx: &Cx, jobs: &[Claimed]) -> Result<BTreeSet<JobId>> {
        let mut tx = self.0.pools().begin_queue().await?;
        let noted = finish_in(&mut tx, cx, jobs).await?;
        tx.commit().await?;
        // Jobs of the same names and keys may have waited for these.
        self.0.signals().notify(signals::JOBS);
        Ok(noted)
    }

    /// Notes a failure: another try later, or none where the error's class says that it cannot help or its budget, or the
    /// job's, is used up.
    ///
    /// # Errors
    /// `conflict` where the lease was lost.
    pub async fn fail(&self, cx: &Cx, job: &Claimed, error: &Error) -> Result<Failed> {
        let text = cut(&error.chain());
        let ending = Ending {
            outcome: "failed",
            error: Some(&text),
            failures: job.failures + 1,
            attempts: job.attempt,
        };
        let pause = retry::pause(error.class(), job.failures, cx.random_u64());
        match pause.filter(|_| job.attempt < job.max_attempts) {
            Some(pause) => self.again(cx, job, cx.now() + pause, ending).await,
            None => self.end(cx, job, "discarded", ending).await.map(|()| Failed::Discarded),
        }
    }

    /// Lets the job wait until `run_at` without using up an attempt.
    ///
    /// # Errors
    /// `conflict` where the lease was lost.
    pub async fn snooze(&self, cx: &Cx, job: &Claimed, run_at: Timestamp) -> Result<Failed> {
        let attempts = job.attempt.saturating_sub(1);
        let ending = Ending { outcome: "snoozed", error: None, failures: job.failures, attempts };
        self.again(cx, job, run_at, ending).await
    }

    /// Ends the job because its handler says that there is nothing to be done any more.
    ///
    /// # Errors
    /// `conflict` where the lease was lost.
    pub async fn call_off(&self, cx: &Cx, job: &Claimed, reason: &str) -> Result<()> {
        let reason = cut(reason);
        let (failures, attempts) = (job.failures, job.attempt);
        let ending = Ending { outcome: "cancelled", error: Some(&reason), failures, attempts };
        self.end(cx, job, "cancelled", ending).await
    }

    async fn again(&self, cx: &Cx, job: &Claimed, run_at: Timestamp, ending: Ending<'_>) -> Result<Failed> {
        // On PostgreSQL the same job may be enqueued at this very moment; the next look sees it.
        for _ in 0..CLASHES {
            match self.try_again(cx, job, run_at, &ending).await {
                Ok(true) => {
                    self.0.signals().notify(signals::JOBS);
                    return Ok(Failed::Retry(run_at));
                }
                Ok(false) => return self.end(cx, job, "cancelled", ending).await.map(|()| Failed::Replaced),
                Err(clash) if clash.kind() == ErrorKind::Conflict => {}
                Err(other) => return Err(other),
            }
        }
        Err(Error::unavailable(format!("job {} {} is enqueued faster than it fails", job.name, job.key)))
    }

    /// False where the same job waits already (or the lease was lost).
    async fn try_again(
        &self,
        cx: &Cx,
        job: &Claimed,
        run_at: Timestamp,
        ending: &Ending<'_>,
    ) -> Result<bool> {
        let mut tx = self.0.pools().begin_write(None).await?;
        let row = args![job.id, job.token, run_at, ending.error, ending.failures, ending.attempts];
        if tx.exec("job.again", AGAIN, row).await? == 0 {
            return Ok(false);
        }
        history::insert_claimed(&mut tx, job, ending.outcome, ending.error, cx.now()).await?;
        tx.commit().await.map(|()| true)
    }

    async fn end(&self, cx: &Cx, job: &Claimed, state: &str, ending: Ending<'_>) -> Result<()> {
        let mut tx = self.0.pools().begin_write(None).await?;
        let row = args![job.id, job.token, state, cx.now(), ending.error, ending.failures];
        if tx.exec("job.end", END, row).await? == 0 {
            return Err(lost(&job.name, &job.key));
        }
        history::insert_claimed(&mut tx, job, ending.outcome, ending.error, cx.now()).await?;
        tx.commit().await?;
        self.0.signals().notify(signals::JOBS);
        Ok(())
    }
}

pub(super) async fn finish_in(tx: &mut Tx, cx: &Cx, jobs: &[Claimed]) -> Result<BTreeSet<JobId>> {
    let mut list = String::from("[");
    for job in jobs {
        let comma = if list.len() == 1 { "" } else { "," };
        let (id, token) = (job.id.0.simple(), job.token);
        write!(list, r#"{comma}{{"id":"{id}","token":{token}}}"#).expect("a string takes everything");
    }
    list.push(']');
    let args = args![list, cx.now()];
    let rows = match tx.engine() {
        Engine::Postgres => tx.all("job.finish", FINISH_POSTGRES, args).await?,
        Engine::Sqlite => {
            tx.exec("job.keep", KEEP_SQLITE, args.clone()).await?;
            tx.all("job.finish", FINISH_SQLITE, args).await?
        }
    };
    rows.iter().map(|row| row.get("id")).collect()
}
