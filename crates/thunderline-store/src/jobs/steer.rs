//! Steering jobs: what an operator's action does to one, in its own transaction.

use thunderline_core::{Error, JobId, Result};

use super::{JobEntry, JobState, claim::missing, cut, history, taken_away};
use crate::{Engine, Row, Write, args, signals};

/// The priority of what somebody wants to have run now.
const FIRST: i64 = -1_000_000;

const FIND: &str = "select id, name, key, state, attempts, lease_token, worker, started_at from tl_jobs
    where id = $1 and tenant = $2";
const CANCEL: &str =
    "update tl_jobs set state = 'cancelled', finished_at = $2, last_error = $3, lease_until = null
    where id = $1";
const RETRY: &str = "update tl_jobs set state = 'available', run_at = $2, attempts = 0, failures = 0,
        finished_at = null, lease_until = null
    where id = $1";
const RUN: &str = "update tl_jobs set run_at = $2, priority = $3 where id = $1";
const SAME_WAITS: &str =
    "select 1 as found from tl_jobs where name = $1 and key = $2 and state = 'available'";

impl Write {
    /// Lets a job not run: one that waits is cancelled; one that runs is taken away from its handler, which is stopped
    /// and cannot commit any more.
    ///
    /// # Errors
    /// `not_found` for jobs of other tenants too; `conflict` where it is over.
    pub async fn cancel_job(&mut self, id: JobId, reason: &str) -> Result<JobEntry> {
        let (row, state) = self.find_job(id).await?;
        let (now, reason) = (self.cx().now(), cut(reason));
        match state {
            JobState::Available => {}
            JobState::Running => {
                history::insert(self.tx(), &row, "cancelled", Some(&reason), now).await?;
                self.wake(&taken_away(id));
                // The same job may have waited for this one.
                self.wake(signals::JOBS);
            }
            over => return Err(Error::conflict(format!("the job is {} already", over.name()))),
        }
        self.tx().exec("job.cancel", CANCEL, args![id, now, reason]).await?;
        self.job_entry(id).await
    }

    /// Lets a job that is over run again from the first attempt on.
    ///
    /// # Errors
    /// `not_found` for jobs of other tenants too; `conflict` where it is not over, or the same job waits already.
    pub async fn retry_job(&mut self, id: JobId) -> Result<JobEntry> {
        let (row, state) = self.find_job(id).await?;
        if matches!(state, JobState::Available | JobState::Running) {
            return Err(Error::conflict(format!(
                "the job is {}: there is nothing to be tried again",
                state.name()
            )));
        }
        let same = args![row.get::<String>("name")?, row.get::<String>("key")?];
        if self.tx().one("job.same_waits", SAME_WAITS, same).await?.is_some() {
            return Err(Error::conflict("the same job waits already"));
        }
        let now = self.cx().now();
        self.tx().exec("job.retry", RETRY, args![id, now]).await?;
        self.wake(signals::JOBS);
        self.job_entry(id).await
    }

    /// Lets a waiting job run now and before all others, whatever its time.
    ///
    /// # Errors
    /// `not_found` for jobs of other tenants too; `conflict` where it does not wait.
    pub async fn run_job_now(&mut self, id: JobId) -> Result<JobEntry> {
        let (_, state) = self.find_job(id).await?;
        if state != JobState::Available {
            return Err(Error::conflict(format!(
                "the job is {}: only a waiting one can be run now",
                state.name()
            )));
        }
        let now = self.cx().now();
        self.tx().exec("job.run_now", RUN, args![id, now, FIRST]).await?;
        self.wake(signals::JOBS);
        self.job_entry(id).await
    }

    /// The job's row, which nobody else changes until this transaction ends.
    async fn find_job(&mut self, id: JobId) -> Result<(Row, JobState)> {
        let tenant = self.cx().tenant();
        let lock = match self.tx().engine() {
            Engine::Sqlite => "",
            Engine::Postgres => " for update",
        };
        let sql = sqlx::AssertSqlSafe(format!("{FIND}{lock}"));
        let row = self.tx().one("job.find", sql, args![id, tenant]).await?.ok_or_else(|| missing(id))?;
        let state: String = row.get("state")?;
        let state = JobState::named(&state)
            .ok_or_else(|| Error::internal(format!("job {id} is in the unknown state {state}")))?;
        Ok((row, state))
    }

    async fn job_entry(&mut self, id: JobId) -> Result<JobEntry> {
        history::entry_of(self.tx(), id).await?.ok_or_else(|| missing(id))
    }
}
