//! There is a new group.

use thunderline_contracts::link::GroupCreated;
use thunderline_core::{Action, Cx, Error, GroupId, Result, Role, Rule, Subject};

use super::{GroupView, enter, get_group, locked, named};
use crate::{
    Links,
    group::{Group, GroupKind, refuses_parent},
    read, rows,
};

/// Those who steer.
pub const ACTION: Action = Action::new("link.group.create", Rule::AtLeast(Role::Operator));

/// The most groups of one tenant.
const MOST: usize = 10_000;

/// A group to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewGroup {
    /// 1 to 100 characters, unique within the tenant.
    pub name: String,
    /// What it is about.
    pub kind: GroupKind,
    /// The name of the group that it is a part of.
    pub parent: Option<String>,
    /// At most 500 characters; may be empty.
    pub description: String,
}

/// Makes a group.
///
/// # Errors
/// `conflict` where the name is taken; `not_found` where there is no such parent; `invalid` for texts out of range, and
/// where groups would be nested too deep.
pub async fn create_group(cx: &Cx, links: &Links, new: NewGroup) -> Result<GroupView> {
    let allowed = "1 to 100 characters";
    let name = read::text("name", &new.name, 100)?;
    let name = name.ok_or_else(|| Error::invalid_value("name", "it is empty", allowed))?;
    let description = read::text("description", &new.description, 500)?.unwrap_or_default();
    let mut write = links.db.write(cx, &ACTION).await?;
    let mut groups = locked(cx, &mut write).await?;
    if groups.iter().any(|group| group.name == name) {
        return Err(Error::conflict(format!("there is a group '{name}' already")));
    }
    if groups.len() >= MOST {
        let reason = format!("there are {MOST} groups already");
        return Err(Error::invalid_value("name", reason, format!("at most {MOST} groups")));
    }
    let parent = new.parent.as_deref().map(|parent| named(&groups, parent)).transpose()?;
    let parent = parent.map(|parent| parent.id);
    let group = Group {
        id: cx.id::<GroupId>(),
        tenant: cx.tenant(),
        name: name.clone(),
        kind: new.kind,
        parent,
        description,
        created_at: cx.now(),
    };
    groups.push(group.clone());
    if let Some(reason) = parent.and_then(|parent| refuses_parent(&groups, group.id, parent)) {
        return Err(Error::invalid_value("parent", reason, "another group, or none"));
    }
    rows::groups::insert(&mut write, &group).await?;
    write.emit(&GroupCreated { group: group.id, name: name.clone(), kind: group.kind.name().into(), parent });
    write.commit(&Subject::new("group", group.id)).await?;
    enter(cx, links).await?;
    get_group(cx, links, &name).await
}
