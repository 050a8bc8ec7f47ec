//! Looking at domains of all processes and at their past.

use thunderline_core::{Action, Cx, Order, Result, Role, Rule, Timestamp};

use super::rows::{self, DomainRow, TransitionRow};
use crate::Block;

/// Anybody who may look.
pub const READ: Action = Action::new("block.domain.read", Rule::AtLeast(Role::Viewer));

/// Where each domain of each process was when it last said so.
///
/// # Errors
/// `forbidden`.
pub async fn domains(cx: &Cx, block: &Block) -> Result<Vec<DomainRow>> {
    rows::domains(&mut block.db.read(cx, &READ).await?).await
}

/// What happened to one domain (all, where none is named), the newest first. `before` continues a listing.
///
/// # Errors
/// `forbidden`.
pub async fn transitions(
    cx: &Cx,
    block: &Block,
    domain: Option<&str>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<TransitionRow>> {
    rows::transitions(&mut block.db.read(cx, &READ).await?, domain, before, limit).await
}

/// Orders that came after this one; only each domain's last wish where it is 0.
///
/// # Errors
/// `forbidden`.
pub async fn orders(cx: &Cx, block: &Block, after: i64) -> Result<Vec<Order>> {
    let cx = cx.as_system("thunderblock");
    rows::orders(&mut block.db.read(&cx, &READ).await?, after).await
}
