//! Nodes.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A training node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Node {
    /// Its id, derived from its public key.
    pub id: String,
    /// What people call it; its id where it has no name.
    pub name: String,
    /// `flower` or `runner`.
    pub kind: String,
    /// `online`, `offline` or `unregistered`.
    pub state: String,
    /// Why it is not there.
    pub reason: Option<String>,
    /// Labels that selectors match.
    pub tags: Vec<String>,
    /// What it says of its machine.
    pub capacity: Value,
    /// The version of its program.
    pub version: String,
    /// How often it promises a sign of life, in seconds.
    pub heartbeat_seconds: u32,
    /// When it first introduced itself.
    pub registered_at: Timestamp,
    /// When it last came or went.
    pub changed_at: Timestamp,
}

impl From<thunderlink::Node> for Node {
    fn from(it: thunderlink::Node) -> Self {
        Self {
            id: it.id.to_string(),
            name: it.name,
            kind: it.kind.name().to_owned(),
            state: it.state.name().to_owned(),
            reason: it.reason,
            tags: it.tags,
            capacity: it.capacity,
            version: it.version,
            heartbeat_seconds: it.heartbeat_seconds,
            registered_at: it.registered_at,
            changed_at: it.changed_at,
        }
    }
}
