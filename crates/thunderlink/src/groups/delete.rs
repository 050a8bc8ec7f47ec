//! A group is no more.

use thunderline_contracts::link::GroupDeleted;
use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Subject};

use super::{enter, locked, named};
use crate::{Links, rows};

/// Those who steer.
pub const ACTION: Action = Action::new("link.group.delete", Rule::AtLeast(Role::Operator));

/// Removes a group. Its nodes stay.
///
/// # Errors
/// `not_found`; `conflict` where it still has parts.
pub async fn delete_group(cx: &Cx, links: &Links, name: &str) -> Result<()> {
    let mut write = links.db.write(cx, &ACTION).await?;
    let groups = locked(cx, &mut write).await?;
    let group = named(&groups, name)?;
    if let Some(part) = groups.iter().find(|part| part.parent == Some(group.id)) {
        let message = format!("group '{name}' still has the part '{}': delete or move it first", part.name);
        return Err(Error::conflict(message));
    }
    rows::groups::delete(&mut write, group.id, cx.tenant()).await?;
    write.emit(&GroupDeleted { group: group.id });
    write.commit(&Subject::new("group", group.id)).await?;
    enter(cx, links).await
}
