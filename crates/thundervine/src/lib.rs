//! Workflows that survive crashes, and the lineage of what was made.

pub mod lineage;
mod rows;

use thunderline_core::{Action, Manifest};
use thunderline_store::Db;

pub use rows::{MIGRATIONS, statements};

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Vine {
    /// The database.
    pub db: Db,
}

impl Vine {
    /// The domain over this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[&lineage::project::ACTION, &lineage::read::ACTION];

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "thundervine",
    prefix: "vine",
    charter: "Workflows that survive crashes, and the lineage of what was made.",
    actions: ACTIONS,
    emits: &[],
    consumes: lineage::project::EVENTS,
    jobs: &[],
    ports: &[],
    depends_on: &["thunderblock", "thunderflow"],
    required: false,
};
