//! Let a job not run.

use thunderline_core::{Action, Cx, JobId, Result, Role, Rule};
use thunderline_store::JobEntry;

use super::about_job;
use crate::Block;

/// Who may cancel jobs.
pub const ACTION: Action = Action::new("block.job.cancel", Rule::AtLeast(Role::Operator));

/// A job that waits is cancelled; one that runs is taken away from its handler, which is stopped.
///
/// # Errors
/// `not_found`; `conflict` where it is over.
pub async fn cancel(cx: &Cx, domain: &Block, id: JobId, reason: &str) -> Result<JobEntry> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let job = write.cancel_job(id, reason).await?;
    write.commit(&about_job(id)).await?;
    Ok(job)
}
