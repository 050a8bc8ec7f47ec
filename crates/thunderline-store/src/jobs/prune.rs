//! Forgetting what is over.

use thunderline_core::{Cx, Result, SignedDuration, Timestamp};

use super::Jobs;
use crate::args;

/// Jobs that one transaction forgets: on SQLite nobody else writes meanwhile.
const PIECE: u64 = 5_000;

const OVER: &str = "delete from tl_job_attempts where job in
    (select id from tl_jobs where finished_at < $1 and (state = 'completed') = ($2 = 1) order by finished_at, id limit $3)";
const FORGET: &str = "delete from tl_jobs where id in
    (select id from tl_jobs where finished_at < $1 and (state = 'completed') = ($2 = 1) order by finished_at, id limit $3)";

/// How long things are remembered after they are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Completed jobs with their attempts.
    pub completed: SignedDuration,
    /// Discarded and cancelled jobs with their attempts: what somebody may want to look into, or run again.
    pub given_up: SignedDuration,
    /// Outcomes of requests with an idempotency key.
    pub keys: SignedDuration,
}

impl Default for Retention {
    /// Seven days; 30 for jobs that were given up.
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        Self { completed: days(7), given_up: days(30), keys: days(7) }
    }
}

impl Jobs {
    /// Forgets what is over for longer than it is to be remembered. Returns the number of jobs and keys.
    ///
    /// # Errors
    /// `unavailable`, `internal`.
    pub async fn prune(&self, cx: &Cx, retention: &Retention) -> Result<u64> {
        let now = cx.now();
        let completed = self.prune_jobs(now - retention.completed, true).await?;
        let given_up = self.prune_jobs(now - retention.given_up, false).await?;
        let mut tx = self.0.pools().begin_write(None).await?;
        let old = args![now - retention.keys];
        let keys = tx.exec("idempotency.prune", "delete from tl_idempotency where at < $1", old).await?;
        tx.commit().await?;
        Ok(completed + given_up + keys)
    }

    async fn prune_jobs(&self, before: Timestamp, completed: bool) -> Result<u64> {
        let mut total = 0;
        loop {
            let which = args![before, completed, i64::try_from(PIECE).expect("a few thousand")];
            let mut tx = self.0.pools().begin_write(None).await?;
            tx.exec("job.prune_attempts", OVER, which.clone()).await?;
            let jobs = tx.exec("job.prune", FORGET, which).await?;
            tx.commit().await?;
            total += jobs;
            if jobs < PIECE {
                return Ok(total);
            }
        }
    }
}
