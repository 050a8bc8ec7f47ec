//! Looking at nodes.

use thunderline_core::{Action, Cx, Error, NodeId, Result, Role, Rule, Timestamp};

use crate::{
    Links,
    rows::{self, Node},
};

/// People look; a node may look itself up.
pub const ACTION: Action =
    Action::new("link.node.read", Rule::AnyOf(&[Rule::AtLeast(Role::Viewer), Rule::Node]));

/// Nodes, the newest first. `before` continues a listing after the last one's `registered_at`.
///
/// # Errors
/// `forbidden`.
pub async fn list_nodes(cx: &Cx, links: &Links, before: Option<Timestamp>, limit: u32) -> Result<Vec<Node>> {
    let mut read = links.db.read(cx, &ACTION).await?;
    rows::list(&mut read, cx.tenant(), before, limit).await
}

/// One node.
///
/// # Errors
/// `not_found`.
pub async fn get_node(cx: &Cx, links: &Links, id: NodeId) -> Result<Node> {
    let mut read = links.db.read(cx, &ACTION).await?;
    let found = rows::by_id(&mut read, id, cx.tenant()).await?;
    found.ok_or_else(|| Error::not_found(format_args!("node {id}")))
}
