//! Thunderlink's events: nodes come and go, change, are grouped, and are shut out.

use std::{collections::BTreeMap, ops::Deref};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thunderline_core::{GroupId, NodeId};

use crate::{Shape, event, words};

/// What a node can do or where it is: enabled capabilities by their keys, as `gpu: true`, `cores: 8`, `region: "eu"`. Values
/// are texts, numbers, true or false.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(pub BTreeMap<String, Value>);

impl Shape for Capabilities {
    const REQUIRED: bool = false;
    fn schema() -> Value {
        let plain = json!({ "anyOf": [{ "type": "boolean" }, { "type": "number" }, { "type": "string" }] });
        json!({ "type": "object", "additionalProperties": plain })
    }
}

impl Deref for Capabilities {
    type Target = BTreeMap<String, Value>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromIterator<(String, Value)> for Capabilities {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl<const N: usize> From<[(String, Value); N]> for Capabilities {
    fn from(pairs: [(String, Value); N]) -> Self {
        Self(pairs.into())
    }
}

/// What kind of program a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// An unmodified Flower SuperNode.
    Flower,
    /// Thunderline's own runner.
    Runner,
}

words!(NodeKind: "flower", "runner");

impl NodeKind {
    /// The kind's name in tables, listings and specs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flower => "flower",
            Self::Runner => "runner",
        }
    }
}

event! {
    /// A node can be given work.
    NodeJoined = "link.node.joined" about "node" node {
        /// Which node.
        node: NodeId,
        /// Its name; nodes without one are called by their id.
        name: String,
        /// What it runs.
        kind: NodeKind,
        /// Labels that selectors match.
        tags: Vec<String>,
        /// What it can do.
        #[serde(default)]
        capabilities: Capabilities,
    }
}

event! {
    /// A node can no longer be given work.
    NodeLeft = "link.node.left" about "node" node {
        /// Which node.
        node: NodeId,
        /// Why: it said goodbye, or it fell silent.
        reason: String,
    }
}

event! {
    /// What a node can do has changed. Whether it is there has not.
    NodeChanged = "link.node.changed" about "node" node {
        /// Which node.
        node: NodeId,
        /// All that it can do now.
        capabilities: Capabilities,
    }
}

event! {
    /// A node's key is refused from now on. Where the node was there, it has left as well.
    NodeEvicted = "link.node.evicted" about "node" node {
        /// Which node.
        node: NodeId,
        /// Why.
        reason: String,
    }
}

event! {
    /// A node's key is accepted again; it joins when it next shows itself.
    NodeReadmitted = "link.node.readmitted" about "node" node {
        /// Which node.
        node: NodeId,
    }
}

event! {
    /// There is a new group of nodes.
    GroupCreated = "link.group.created" about "group" group {
        /// Which group.
        group: GroupId,
        /// Its name, unique within the tenant.
        name: String,
        /// `zone`, `shard`, `region`, `role`, `project` or `custom`.
        kind: String,
        /// The group that it is a part of: its members are members there too.
        parent: Option<GroupId>,
    }
}

event! {
    /// A group is now a part of another one, or of none.
    GroupMoved = "link.group.moved" about "group" group {
        /// Which group.
        group: GroupId,
        /// The group that it is a part of.
        parent: Option<GroupId>,
    }
}

event! {
    /// A group is no more. It had no parts left.
    GroupDeleted = "link.group.deleted" about "group" group {
        /// Which group.
        group: GroupId,
    }
}

event! {
    /// Nodes were put into a group or taken out of it: at most a thousand of them.
    GroupMembersChanged = "link.group.members_changed" about "group" group {
        /// Which group.
        group: GroupId,
        /// Those that are in it now and were not.
        added: Vec<NodeId>,
        /// Those that were in it and are no more.
        removed: Vec<NodeId>,
    }
}
