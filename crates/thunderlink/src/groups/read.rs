//! Looking at groups.

use thunderline_core::{Cx, Result};

use super::{name_of, named};
use crate::{
    Links,
    group::{Group, above},
    read,
};

/// A group and how it stands among the others.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupView {
    /// The group.
    pub group: Group,
    /// The name of the group that it is a part of.
    pub parent: Option<String>,
    /// The names from the outermost group to this one.
    pub path: Vec<String>,
    /// The names of its parts.
    pub parts: Vec<String>,
    /// How many nodes are in it itself.
    pub members: usize,
    /// How many nodes are in it or in one of its parts.
    pub members_below: usize,
}

/// All groups by name.
///
/// # Errors
/// `forbidden`.
pub async fn list_groups(cx: &Cx, links: &Links) -> Result<Vec<GroupView>> {
    read::ACTION.authorize(cx)?;
    links.complete(cx).await?;
    let groups = links.book.groups(cx.tenant());
    Ok(groups.iter().map(|group| view(links, &groups, group)).collect())
}

/// One group.
///
/// # Errors
/// `not_found`.
pub async fn get_group(cx: &Cx, links: &Links, name: &str) -> Result<GroupView> {
    read::ACTION.authorize(cx)?;
    links.complete(cx).await?;
    let groups = links.book.groups(cx.tenant());
    Ok(view(links, &groups, named(&groups, name)?))
}

fn view(links: &Links, groups: &[Group], group: &Group) -> GroupView {
    let mut path: Vec<_> = above(groups, group.id).map(|over| over.name.clone()).collect();
    path.reverse();
    path.push(group.name.clone());
    let parts = groups.iter().filter(|part| part.parent == Some(group.id));
    let below = links.book.find(group.tenant, None, usize::MAX, Some(group.id), |_| true);
    GroupView {
        group: group.clone(),
        parent: name_of(groups, group.parent),
        path,
        parts: parts.map(|part| part.name.clone()).collect(),
        members: links.book.count_of(group.id),
        members_below: below.len(),
    }
}
