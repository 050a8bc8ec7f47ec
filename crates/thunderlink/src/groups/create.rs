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
/// The most characters of a name.
const LONGEST: usize = 100;

/// A group to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewGroup {
    /// 1 to 100 characters, none of them '/' or a control character, no blanks around them; unique within the tenant.
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
    let name = checked(&new.name)?;
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

/// A name that can stand in a path of groups, in an address and in a line of text.
fn checked(name: &str) -> Result<String> {
    let length = name.chars().count();
    let wrong = if name.is_empty() {
        "it is empty".to_owned()
    } else if length > LONGEST {
        format!("it has {length} characters")
    } else if name.trim() != name {
        "there are blanks around it".to_owned()
    } else if let Some(odd) = name.chars().find(|char| *char == '/' || char.is_control()) {
        format!("it has a '{}'", odd.escape_debug())
    } else {
        return Ok(name.to_owned());
    };
    let allowed = format!("1 to {LONGEST} characters without '/', control characters and blanks around them");
    Err(Error::invalid_value("name", wrong, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_name_can_be_read_and_asked_for() {
        for good in ["eu", "ward 7", "Küche", "ä".repeat(100).as_str()] {
            assert_eq!(checked(good).unwrap(), good);
        }
        for (bad, reason) in [
            ("", "empty"),
            ("a/b", "'/'"),
            ("a\nb", "'\\n'"),
            (" a", "blanks"),
            ("a\t", "blanks"),
            ("a".repeat(101).as_str(), "101"),
        ] {
            let refused = checked(bad).unwrap_err();
            assert_eq!(refused.problems()[0].path, "name");
            assert!(refused.problems()[0].reason.contains(reason), "{refused}");
        }
    }
}
