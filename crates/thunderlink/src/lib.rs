//! Nodes: who they are, and whether they are there.
//!
//! A node introduces itself with its public key; its id is derived from that key, so it is recognised after any restart.
//! Presence is kept in memory: every request of a node counts as a sign of life, and costs no write. Only comings and
//! goings are rows and events (`link.node.joined`, `link.node.left`), which is what other domains know nodes from.
//!
//! Another domain cannot be named here, only heard of by its events:
//!
//! ```compile_fail,E0432
//! use federation::Federations;
//! ```

pub mod activate;
pub mod leave;
pub mod presence;
pub mod read;
mod rows;
pub mod tick;

use std::sync::Arc;

use thunderline_contracts::link::{NodeJoined, NodeLeft};
use thunderline_core::{Action, Event, Manifest};
use thunderline_store::Db;

pub use presence::Presence;
pub use rows::{MIGRATIONS, Node, NodeState, statements};

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Links {
    /// The database.
    pub db: Db,
    /// Signs of life.
    pub presence: Arc<Presence>,
}

impl Links {
    /// The domain over this database; call [`presence::restore`] before serving nodes.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, presence: Arc::default() }
    }
}

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[&activate::ACTION, &leave::ACTION, &read::ACTION, &presence::ACTION];

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "thunderlink",
    prefix: "link",
    charter: "The clock of the mesh, and its nodes: who they are, and whether they are there.",
    actions: ACTIONS,
    emits: &[NodeJoined::NAME, NodeLeft::NAME],
    consumes: &[],
    jobs: &[],
    ports: &[],
    depends_on: &["thunderblock"],
    required: true,
};
