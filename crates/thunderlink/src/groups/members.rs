//! Nodes are put into a group and taken out.

use thunderline_contracts::link::GroupMembersChanged;
use thunderline_core::{Action, Cx, Error, NodeId, Result, Role, Rule, Subject};

use super::{GroupView, enter, get_group, locked, named};
use crate::{Links, rows};

/// Those who steer.
pub const ACTION: Action = Action::new("link.group.members", Rule::AtLeast(Role::Operator));

/// The most nodes of one call.
const MOST: usize = 1_000;

/// Puts nodes into a group and takes others out. Repeating it changes nothing.
///
/// # Errors
/// `not_found` for an unknown group or node to add; `invalid` for more than 1000 nodes.
pub async fn change_members(
    cx: &Cx,
    links: &Links,
    name: &str,
    add: &[NodeId],
    remove: &[NodeId],
) -> Result<GroupView> {
    if add.len() + remove.len() > MOST {
        let reason = format!("{} nodes are too many at once", add.len() + remove.len());
        return Err(Error::invalid_value("add", reason, format!("at most {MOST} in one call")));
    }
    links.complete(cx).await?;
    for id in add {
        let known = links.book.node(*id).filter(|entry| entry.node.tenant == cx.tenant());
        known.ok_or_else(|| Error::not_found(format_args!("node {id}")))?;
    }
    let mut write = links.db.write(cx, &ACTION).await?;
    let groups = locked(cx, &mut write).await?;
    let group = named(&groups, name)?;
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for id in remove {
        if rows::groups::part(&mut write, group.id, *id).await? {
            removed.push(*id);
        }
    }
    for id in add {
        if rows::groups::join(&mut write, group.id, *id, cx.tenant(), cx.now()).await? {
            added.push(*id);
        }
    }
    if added.is_empty() && removed.is_empty() {
        drop(write);
    } else {
        write.emit(&GroupMembersChanged { group: group.id, added, removed });
        write.commit(&Subject::new("group", group.id)).await?;
        enter(cx, links).await?;
    }
    get_group(cx, links, name).await
}
