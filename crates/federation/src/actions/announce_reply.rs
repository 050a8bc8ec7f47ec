//! A node says what it will upload.

use thunderline_core::{Action, Cx, LeaseId, Result, Rule, Subject};

use super::read;
use crate::{Federations, rows};

/// The node whose lease it is.
pub const ACTION: Action = Action::new("fl.lease.announce_reply", Rule::Node);

/// Keeps the announcement, which only the edge understands, so that a restarted server knows what it waits for.
///
/// # Errors
/// `not_found` where the lease is another node's; `conflict` where the node does not hold it.
pub async fn announce_reply(cx: &Cx, domain: &Federations, id: LeaseId, announced: &str) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    read::own_lease(&mut write, cx, id).await?;
    rows::leases::announce(&mut write, id, announced).await?;
    write.commit(&Subject::new("lease", id)).await
}
