//! A node is shut out, and let in again.

use thunderline_contracts::link::{NodeEvicted, NodeLeft, NodeReadmitted};
use thunderline_core::{Action, Cx, Error, ErrorKind, NodeId, Result, Role, Rule, Subject};

use crate::{
    Links, NodeView, leave, node_lock, read,
    rows::{
        self,
        nodes::{Eviction, Node, NodeState},
    },
};

/// Those who steer.
pub const EVICT: Action = Action::new("link.node.evict", Rule::AtLeast(Role::Operator));
/// Those who steer.
pub const READMIT: Action = Action::new("link.node.readmit", Rule::AtLeast(Role::Operator));

/// What a node hears that is shut out.
pub(crate) fn shut_out(eviction: &Eviction) -> Error {
    let message = format!("this node was shut out by an operator: {}", eviction.reason);
    Error::new(ErrorKind::Unauthenticated, message)
}

/// Refuses the node's key from now on. What it was working on ends; what it sends is refused.
///
/// # Errors
/// `not_found`; `conflict` where it is shut out already; `invalid` for a reason that is too long.
pub async fn evict(cx: &Cx, links: &Links, id: NodeId, reason: &str) -> Result<NodeView> {
    let reason = read::text("reason", reason, 200)?.unwrap_or_else(|| "no reason was given".into());
    let mut write = links.db.write(cx, &EVICT).await?;
    write.lock(&node_lock(id)).await?;
    let known = find(rows::nodes::by_id(&mut write, id, cx.tenant()).await?, id)?;
    let change = links.presence.begin(id, cx.tenant());
    let eviction = Eviction { at: cx.now(), reason: reason.clone(), by: cx.actor().to_string() };
    if !rows::nodes::evict(&mut write, id, cx.tenant(), &eviction).await? {
        return Err(Error::conflict(format!("node {id} is shut out already")));
    }
    let why = format!("it was shut out: {reason}");
    let was_there = known.state == NodeState::Online;
    if was_there {
        rows::nodes::leave(&mut write, id, cx.tenant(), NodeState::Offline, &why, cx.now()).await?;
        leave::end_session(cx, links, &mut write, id, &why).await?;
        write.emit(&NodeLeft { node: id, reason: why.clone() });
    }
    write.emit(&NodeEvicted { node: id, reason });
    write.commit(&Subject::new("node", id)).await?;
    links.book.edit_node(id, |node| {
        if was_there {
            (node.state, node.reason) = (NodeState::Offline, Some(why));
        }
        (node.evicted, node.changed_at) = (Some(eviction), cx.now());
    });
    links.presence.left(change);
    read::view(cx, links, id).await
}

/// Accepts the node's key again. It comes back when it next shows itself.
///
/// # Errors
/// `not_found`; `conflict` where it is not shut out.
pub async fn readmit(cx: &Cx, links: &Links, id: NodeId) -> Result<NodeView> {
    let mut write = links.db.write(cx, &READMIT).await?;
    write.lock(&node_lock(id)).await?;
    find(rows::nodes::by_id(&mut write, id, cx.tenant()).await?, id)?;
    if !rows::nodes::readmit(&mut write, id, cx.tenant(), cx.now()).await? {
        return Err(Error::conflict(format!("node {id} is not shut out")));
    }
    write.emit(&NodeReadmitted { node: id });
    write.commit(&Subject::new("node", id)).await?;
    links.book.edit_node(id, |node| (node.evicted, node.changed_at) = (None, cx.now()));
    read::view(cx, links, id).await
}

fn find(found: Option<Node>, id: NodeId) -> Result<Node> {
    found.ok_or_else(|| Error::not_found(format_args!("node {id}")))
}
