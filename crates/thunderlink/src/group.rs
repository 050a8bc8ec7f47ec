//! Groups of nodes. A group may be a part of another; who is in the part is in the whole.

use serde::Serialize;
use thunderline_core::{GroupId, TenantId, Timestamp};

/// How deep groups may be nested.
pub(crate) const DEPTH: usize = 16;

/// What a group is about. For people: all kinds behave the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// A place.
    Zone,
    /// A part of the data.
    Shard,
    /// A larger place.
    Region,
    /// What the nodes do.
    Role,
    /// What the nodes work for.
    Project,
    /// Anything else.
    Custom,
}

impl GroupKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Zone, Self::Shard, Self::Region, Self::Role, Self::Project, Self::Custom];

    /// The name in tables and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Shard => "shard",
            Self::Region => "region",
            Self::Role => "role",
            Self::Project => "project",
            Self::Custom => "custom",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A group of nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Whose it is.
    #[serde(skip)]
    pub tenant: TenantId,
    /// Its name, unique within the tenant.
    pub name: String,
    /// What it is about.
    pub kind: GroupKind,
    /// The group that it is a part of.
    pub parent: Option<GroupId>,
    /// What people wrote about it; may be empty.
    pub description: String,
    /// Since when there is one.
    pub created_at: Timestamp,
}

/// The groups that a group is a part of, the nearest first; it ends where the groups end, or after [`DEPTH`] steps.
pub(crate) fn above<'a>(groups: &'a [Group], id: GroupId) -> impl Iterator<Item = &'a Group> {
    let find = |id: Option<GroupId>| id.and_then(|id| groups.iter().find(|group| group.id == id));
    let parent = move |group: &&'a Group| find(group.parent);
    std::iter::successors(find(Some(id)), parent).skip(1).take(DEPTH)
}

/// Why `child` cannot become a part of `parent`: a circle would come about, or the nest become too deep.
pub(crate) fn refuses_parent(groups: &[Group], child: GroupId, parent: GroupId) -> Option<String> {
    let name = |id: GroupId| groups.iter().find(|group| group.id == id).map_or("?", |group| &group.name);
    if child == parent {
        return Some(format!("'{}' cannot be a part of itself", name(child)));
    }
    let over: Vec<_> = above(groups, parent).map(|group| group.id).collect();
    if over.contains(&child) {
        return Some(format!("'{}' is a part of '{}' already: a circle", name(parent), name(child)));
    }
    let below = depth_below(groups, child);
    (over.len() + 2 + below > DEPTH).then(|| format!("groups are nested at most {DEPTH} deep"))
}

fn depth_below(groups: &[Group], id: GroupId) -> usize {
    let parts = groups.iter().filter(|group| above(groups, group.id).any(|over| over.id == id));
    parts.map(|part| above(groups, part.id).take_while(|over| over.id != id).count() + 1).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> GroupId {
        let text = format!("{number:032x}");
        text.parse().unwrap()
    }

    fn groups(parents: &[(u128, Option<u128>)]) -> Vec<Group> {
        let group = |(number, parent): &(u128, Option<u128>)| Group {
            id: id(*number),
            tenant: TenantId(Default::default()),
            name: format!("g{number}"),
            kind: GroupKind::Custom,
            parent: parent.map(id),
            description: String::new(),
            created_at: Timestamp::UNIX_EPOCH,
        };
        parents.iter().map(group).collect()
    }

    #[test]
    fn a_circle_is_refused_however_long() {
        let groups = groups(&[(1, None), (2, Some(1)), (3, Some(2))]);
        assert!(refuses_parent(&groups, id(1), id(3)).unwrap().contains("circle"));
        assert!(refuses_parent(&groups, id(1), id(1)).unwrap().contains("itself"));
        assert_eq!(refuses_parent(&groups, id(3), id(1)), None);
    }

    #[test]
    fn nests_have_a_bottom() {
        let mut parents: Vec<_> = (1..=DEPTH as u128).map(|n| (n, (n > 1).then(|| n - 1))).collect();
        parents.push((100, None));
        let groups = groups(&parents);
        assert!(refuses_parent(&groups, id(100), id(DEPTH as u128)).unwrap().contains("deep"));
        assert_eq!(refuses_parent(&groups, id(100), id(DEPTH as u128 - 1)), None);
        assert!(refuses_parent(&groups, id(1), id(100)).unwrap().contains("deep"), "what hangs below counts");
    }
}
