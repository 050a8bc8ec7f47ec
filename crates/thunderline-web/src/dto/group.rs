//! Groups of nodes.

use serde::{Deserialize, Serialize};
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A group of nodes. Who is in a part of it is in it as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeGroup {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `zone`, `shard`, `region`, `role`, `project` or `custom`.
    pub kind: String,
    /// The name of the group that it is a part of.
    pub parent: Option<String>,
    /// The names from the outermost group to this one.
    pub path: Vec<String>,
    /// The names of its parts.
    pub parts: Vec<String>,
    /// How many nodes are in it itself.
    pub members: u64,
    /// How many nodes are in it or in one of its parts.
    pub members_below: u64,
    /// What people wrote about it.
    pub description: String,
    /// Since when there is one.
    pub created_at: Timestamp,
}

/// A group to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeGroupRequest {
    /// 1 to 100 characters without `/`, control characters and blanks around them; not in use.
    pub name: String,
    /// `zone`, `shard`, `region`, `role`, `project` or `custom`, which it is unless told otherwise.
    #[serde(default = "custom")]
    pub kind: String,
    /// The name of the group that it is to be a part of.
    #[serde(default)]
    pub parent: Option<String>,
    /// At most 500 characters.
    #[serde(default)]
    pub description: String,
}

fn custom() -> String {
    "custom".into()
}

/// Which group another is to be a part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeGroupMove {
    /// The name of the other group; null: of none.
    pub parent: Option<String>,
}

/// Who is to come into a group and who is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MembersRequest {
    /// Ids of nodes; with those to be removed at most 1000.
    #[serde(default)]
    pub add: Vec<String>,
    /// Ids of nodes.
    #[serde(default)]
    pub remove: Vec<String>,
}

impl From<thunderlink::groups::GroupView> for NodeGroup {
    fn from(it: thunderlink::groups::GroupView) -> Self {
        Self {
            id: it.group.id.to_string(),
            name: it.group.name,
            kind: it.group.kind.name().to_owned(),
            parent: it.parent,
            path: it.path,
            parts: it.parts,
            members: it.members as u64,
            members_below: it.members_below as u64,
            description: it.group.description,
            created_at: it.group.created_at,
        }
    }
}
