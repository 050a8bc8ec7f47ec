//! What this domain knows of nodes and their groups: a projection of Thunderlink's events.

use thunderline_contracts::link::{
    GroupCreated, GroupDeleted, GroupMembersChanged, GroupMoved, NodeChanged, NodeJoined, NodeLeft,
};
use thunderline_core::{Action, Cx, Envelope, Event, Result, Rule};
use thunderline_store::Write;

use crate::{drive::Drive, rows};

/// Background work only.
pub const ACTION: Action = Action::new("fl.known_nodes.project", Rule::System);

/// The events that this projection wants.
pub const EVENTS: &[&str] = &[
    NodeJoined::NAME,
    NodeLeft::NAME,
    NodeChanged::NAME,
    GroupCreated::NAME,
    GroupMoved::NAME,
    GroupDeleted::NAME,
    GroupMembersChanged::NAME,
];

/// Applies one event within the transaction that also moves the cursor. Federations that may have waited for it are driven.
///
/// # Errors
/// `internal` where an event does not fit its contract.
pub async fn on_node_event(cx: &Cx, event: &Envelope, write: &mut Write) -> Result<()> {
    match event.name.as_str() {
        NodeJoined::NAME => {
            rows::nodes::joined(write, event.tenant, &event.decode()?, cx.now()).await?;
        }
        NodeLeft::NAME => {
            let left: NodeLeft = event.decode()?;
            rows::nodes::left(write, left.node, event.tenant, cx.now()).await?;
        }
        NodeChanged::NAME => {
            let changed: NodeChanged = event.decode()?;
            rows::nodes::changed(write, changed.node, event.tenant, &changed.capabilities).await?;
        }
        GroupCreated::NAME => {
            let new: GroupCreated = event.decode()?;
            rows::groups::created(write, new.group, event.tenant, &new.name, new.parent).await?;
        }
        GroupMoved::NAME => {
            let moved: GroupMoved = event.decode()?;
            rows::groups::moved(write, moved.group, moved.parent).await?;
        }
        GroupDeleted::NAME => {
            let deleted: GroupDeleted = event.decode()?;
            rows::groups::deleted(write, deleted.group).await?;
        }
        GroupMembersChanged::NAME => {
            let GroupMembersChanged { group, added, removed } = event.decode()?;
            rows::groups::members_changed(write, group, &added, &removed).await?;
        }
        _ => return Ok(()),
    }
    for (federation, tenant) in rows::federations::active(write).await? {
        if tenant == event.tenant {
            write.enqueue(&Drive { federation });
        }
    }
    Ok(())
}
