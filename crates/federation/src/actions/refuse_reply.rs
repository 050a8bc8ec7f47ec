//! Something arrived that cannot be counted.

use thunderline_contracts::federation::UpdateRefused;
use thunderline_core::{Action, Cx, LeaseId, Result, Rule, Subject};

use super::read;
use crate::Federations;

/// The node that sent it.
pub const ACTION: Action = Action::new("fl.lease.refuse_reply", Rule::Node);

/// Records that a late or repeated result was not counted, and why. The lease stays as it is.
///
/// # Errors
/// `not_found` where the lease is another node's.
pub async fn refuse_reply(cx: &Cx, domain: &Federations, id: LeaseId, reason: &str) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let lease = read::own_lease(&mut write, cx, id).await?;
    write.emit(&UpdateRefused {
        federation: lease.federation,
        client: lease.node,
        lease: id,
        reason: reason.into(),
    });
    write.commit(&Subject::new("lease", id)).await
}
