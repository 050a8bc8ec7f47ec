//! Forget jobs that are over for long: completed ones after 7 days, discarded and cancelled ones after 30.

use serde::{Deserialize, Serialize};
use thunderline_core::{Cx, Job, Result};
use thunderline_store::Retention;

use crate::Block;

/// Prunes at a time of somebody's choosing; the server does it every hour anyway.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prune {}

impl Job for Prune {
    const NAME: &'static str = "block.jobs.prune";

    fn key(&self) -> String {
        "all".into()
    }
}

/// Forgets them with their attempts, and idempotency keys after 7 days. Returns how many rows that were.
///
/// # Errors
/// `unavailable`.
pub async fn prune(cx: &Cx, domain: &Block) -> Result<u64> {
    domain.db.jobs().prune(cx, &Retention::default()).await
}
