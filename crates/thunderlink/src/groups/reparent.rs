//! A group becomes a part of another, or of none.

use thunderline_contracts::link::GroupMoved;
use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Subject};

use super::{GroupView, enter, get_group, locked, named};
use crate::{Links, group::refuses_parent, rows};

/// Those who steer.
pub const ACTION: Action = Action::new("link.group.move", Rule::AtLeast(Role::Operator));

/// Makes a group a part of another one, or of none.
///
/// # Errors
/// `not_found`; `invalid` where a circle would come about or the nest become too deep.
pub async fn move_group(cx: &Cx, links: &Links, name: &str, parent: Option<&str>) -> Result<GroupView> {
    let mut write = links.db.write(cx, &ACTION).await?;
    let groups = locked(cx, &mut write).await?;
    let group = named(&groups, name)?;
    let parent = parent.map(|parent| named(&groups, parent)).transpose()?.map(|parent| parent.id);
    if let Some(reason) = parent.and_then(|parent| refuses_parent(&groups, group.id, parent)) {
        return Err(Error::invalid_value("parent", reason, "another group, or none"));
    }
    if parent != group.parent {
        rows::groups::set_parent(&mut write, group.id, cx.tenant(), parent).await?;
        write.emit(&GroupMoved { group: group.id, parent });
        write.commit(&Subject::new("group", group.id)).await?;
        enter(cx, links).await?;
    } else {
        drop(write);
    }
    get_group(cx, links, name).await
}
