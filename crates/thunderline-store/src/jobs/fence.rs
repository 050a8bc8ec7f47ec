//! Holding a handler's transaction to its claim.

use thunderline_core::{
    Attempt, Cx, Error, Result,
    seams::{Bug, planted},
};

use super::history;
use crate::{Engine, args, engine::Tx};

/// On PostgreSQL the lock makes whoever wants to take the job over wait until the transaction is committed.
const HOLDS: &str = "select 1 as holds from tl_jobs where id = $1 and lease_token = $2 and state = 'running'";
const HOLDS_LOCKED: &str =
    "select 1 as holds from tl_jobs where id = $1 and lease_token = $2 and state = 'running' for share";

const COMPLETE: &str =
    "update tl_jobs set state = 'completed', finished_at = $3, last_error = null, lease_until = null
    where id = $1 and lease_token = $2 and state = 'running'
    returning id, attempts, lease_token, worker, started_at";

/// Refuses where the attempt does not hold its job any more.
pub(crate) async fn check(tx: &mut Tx, attempt: &Attempt) -> Result<()> {
    if planted(Bug::ForgetFence) {
        return Ok(());
    }
    let sql = match tx.engine() {
        Engine::Sqlite => HOLDS,
        Engine::Postgres => HOLDS_LOCKED,
    };
    match tx.one("job.holds", sql, args![attempt.job, attempt.token]).await? {
        Some(_) => Ok(()),
        None => Err(lost(attempt)),
    }
}

/// Completes the job in the transaction of its effect.
pub(crate) async fn complete(tx: &mut Tx, cx: &Cx, attempt: &Attempt) -> Result<()> {
    let row = tx.one("job.complete", COMPLETE, args![attempt.job, attempt.token, cx.now()]).await?;
    let row = row.ok_or_else(|| lost(attempt))?;
    history::insert(tx, &row, "completed", None, cx.now()).await
}

fn lost(attempt: &Attempt) -> Error {
    Error::conflict(format!("attempt {} lost its job {}", attempt.number, attempt.job))
}
