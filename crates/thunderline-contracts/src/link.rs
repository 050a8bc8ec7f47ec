//! Thunderlink's events: nodes come and go.

use serde::{Deserialize, Serialize};
use thunderline_core::NodeId;

use crate::{event, words};

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
