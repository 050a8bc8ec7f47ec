//! Looking at jobs.

use thunderline_core::{Action, Cx, Error, JobId, Result, Role, Rule};
use thunderline_store::{JobDetails, JobEntry, JobFilter};

use crate::Block;

/// Who may look at jobs.
pub const ACTION: Action = Action::new("block.job.read", Rule::AtLeast(Role::Viewer));

/// The caller's tenant's jobs that the filter lets through, newest first.
///
/// # Errors
/// `forbidden`, `unavailable`.
pub async fn list(cx: &Cx, domain: &Block, filter: &JobFilter, limit: u32) -> Result<Vec<JobEntry>> {
    ACTION.authorize(cx)?;
    let filter = JobFilter { tenant: Some(cx.tenant()), ..filter.clone() };
    domain.db.jobs().list(&filter, limit).await
}

/// One job with its attempts.
///
/// # Errors
/// `not_found`, for jobs of other tenants too.
pub async fn get(cx: &Cx, domain: &Block, id: JobId) -> Result<JobDetails> {
    ACTION.authorize(cx)?;
    let found = domain.db.jobs().show(id, Some(cx.tenant())).await?;
    found.ok_or_else(|| Error::not_found(format_args!("job {id}")))
}
