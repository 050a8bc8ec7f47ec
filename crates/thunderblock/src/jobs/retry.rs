//! Let a job that is over run again.

use thunderline_core::{Action, Cx, JobId, Result, Role, Rule};
use thunderline_store::JobEntry;

use super::about_job;
use crate::Block;

/// Who may try jobs again.
pub const ACTION: Action = Action::new("block.job.retry", Rule::AtLeast(Role::Operator));

/// A completed, discarded or cancelled job waits again, with all its attempts before it.
///
/// # Errors
/// `not_found`; `conflict` where it is not over, or the same job waits already.
pub async fn retry(cx: &Cx, domain: &Block, id: JobId) -> Result<JobEntry> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let job = write.retry_job(id).await?;
    write.commit(&about_job(id)).await?;
    Ok(job)
}
