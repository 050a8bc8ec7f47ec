//! All nodes and groups in memory: what lookups are answered from, and who is shut out.
//!
//! Rebuilt from the database when the domain becomes active. Actions of this process enter what they have committed;
//! what other processes commit is read again when [`refresh`](crate::refresh) hears of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use thunderline_core::{GroupId, NodeId, TenantId, Timestamp};

use crate::{
    capability::Capability,
    group::{self, Group},
    rows::nodes::Node,
};

/// A node with all that is written down about it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) node: Node,
    pub(crate) capabilities: BTreeMap<String, Capability>,
}

#[derive(Default)]
struct Pages {
    /// The database was read.
    complete: bool,
    nodes: HashMap<NodeId, Arc<Entry>>,
    /// Nodes in the order of lists.
    order: BTreeSet<(Timestamp, NodeId)>,
    groups: Vec<Group>,
    members: HashMap<GroupId, BTreeSet<NodeId>>,
}

/// The memory of nodes and groups.
#[derive(Default)]
pub struct Book(RwLock<Pages>);

impl Book {
    fn pages(&self) -> RwLockReadGuard<'_, Pages> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn edit(&self) -> RwLockWriteGuard<'_, Pages> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.pages().complete
    }

    /// Enters what the database has. A node that was entered meanwhile and is newer stays.
    pub(crate) fn load(&self, entries: Vec<Entry>, groups: Vec<Group>, members: Vec<(GroupId, NodeId)>) {
        let mut pages = self.edit();
        for entry in entries {
            pages.put(entry);
        }
        pages.regroup(groups, members);
        pages.complete = true;
    }

    /// Enters a node, unless what is there is newer.
    pub(crate) fn put(&self, entry: Entry) {
        self.edit().put(entry);
    }

    /// Changes what is entered of a node, where it is entered at all.
    pub(crate) fn edit_node(&self, id: NodeId, change: impl FnOnce(&mut Node)) {
        if let Some(entry) = self.edit().nodes.get_mut(&id) {
            change(&mut Arc::make_mut(entry).node);
        }
    }

    /// Enters all groups anew.
    pub(crate) fn regroup(&self, groups: Vec<Group>, members: Vec<(GroupId, NodeId)>) {
        self.edit().regroup(groups, members);
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<Arc<Entry>> {
        self.pages().nodes.get(&id).cloned()
    }

    /// The nodes that fit, the newest first, beginning after a place in that order.
    pub(crate) fn find(
        &self,
        tenant: TenantId,
        before: Option<(Timestamp, NodeId)>,
        limit: usize,
        group: Option<GroupId>,
        fits: impl Fn(&Entry) -> bool,
    ) -> Vec<Arc<Entry>> {
        let pages = self.pages();
        let members = group.map(|group| pages.members_below(group));
        let places: Box<dyn Iterator<Item = &(Timestamp, NodeId)>> = match before {
            Some(place) => Box::new(pages.order.range(..place).rev()),
            None => Box::new(pages.order.iter().rev()),
        };
        places
            .filter(|(_, node)| members.as_ref().is_none_or(|members| members.contains(node)))
            .filter_map(|(_, node)| pages.nodes.get(node))
            .filter(|entry| entry.node.tenant == tenant && fits(entry))
            .take(limit)
            .cloned()
            .collect()
    }

    /// The groups of a tenant by name.
    pub(crate) fn groups(&self, tenant: TenantId) -> Vec<Group> {
        self.pages().groups.iter().filter(|group| group.tenant == tenant).cloned().collect()
    }

    /// How many nodes are in a group itself.
    pub(crate) fn count_of(&self, group: GroupId) -> usize {
        self.pages().members.get(&group).map_or(0, BTreeSet::len)
    }

    /// The groups that a node was put into, by name.
    pub(crate) fn groups_of(&self, node: NodeId) -> Vec<String> {
        let pages = self.pages();
        let within =
            |group: &&Group| pages.members.get(&group.id).is_some_and(|members| members.contains(&node));
        pages.groups.iter().filter(within).map(|group| group.name.clone()).collect()
    }
}

impl Pages {
    fn put(&mut self, entry: Entry) {
        let (id, place) = (entry.node.id, (entry.node.registered_at, entry.node.id));
        if let Some(known) = self.nodes.get(&id) {
            if known.node.changed_at > entry.node.changed_at {
                return;
            }
            self.order.remove(&(known.node.registered_at, id));
        }
        self.order.insert(place);
        self.nodes.insert(id, Arc::new(entry));
    }

    fn regroup(&mut self, groups: Vec<Group>, members: Vec<(GroupId, NodeId)>) {
        self.groups = groups;
        self.members.clear();
        for (group, node) in members {
            self.members.entry(group).or_default().insert(node);
        }
    }

    /// Who is in the group or in one of its parts.
    fn members_below(&self, group: GroupId) -> BTreeSet<NodeId> {
        let is_part = |part: &&Group| {
            part.id == group || group::above(&self.groups, part.id).any(|over| over.id == group)
        };
        let parts = self.groups.iter().filter(is_part);
        parts.filter_map(|part| self.members.get(&part.id)).flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use thunderline_contracts::link::NodeKind;

    use super::*;
    use crate::rows::nodes::NodeState;

    fn entry(registered: i64, changed: i64, name: &str) -> Entry {
        let at = |second| Timestamp::from_second(second).unwrap();
        let node = Node {
            id: NodeId::from_bits(7),
            tenant: TenantId(Default::default()),
            name: name.into(),
            kind: NodeKind::Runner,
            public_key: String::new(),
            tags: Vec::new(),
            capacity: json!({}),
            version: String::new(),
            state: NodeState::Online,
            reason: None,
            heartbeat_seconds: 30,
            registered_at: at(registered),
            changed_at: at(changed),
            evicted: None,
        };
        Entry { node, capabilities: BTreeMap::new() }
    }

    #[test]
    fn a_node_is_listed_once_as_it_was_last_however_often_it_is_entered() {
        let book = Book::default();
        for entry in [entry(1, 5, "first"), entry(2, 6, "last"), entry(3, 4, "old")] {
            book.put(entry);
        }
        let found = book.find(TenantId(Default::default()), None, 10, None, |_| true);
        assert_eq!(found.iter().map(|entry| entry.node.name.as_str()).collect::<Vec<_>>(), ["last"]);
    }
}
