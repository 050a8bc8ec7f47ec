//! Let a waiting job run now.

use thunderline_core::{Action, Cx, JobId, Result, Role, Rule};
use thunderline_store::JobEntry;

use super::about_job;
use crate::Block;

/// Who may run jobs out of turn.
pub const ACTION: Action = Action::new("block.job.run", Rule::AtLeast(Role::Operator));

/// The next free worker begins it, before all others and whatever its time.
///
/// # Errors
/// `not_found`; `conflict` where it does not wait.
pub async fn run(cx: &Cx, domain: &Block, id: JobId) -> Result<JobEntry> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let job = write.run_job_now(id).await?;
    write.commit(&about_job(id)).await?;
    Ok(job)
}
