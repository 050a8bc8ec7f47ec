//! Workflows that survive crashes, and the lineage of what was made.

use thunderline_core::{Action, Manifest};
use thunderline_store::{Db, Migration, Stmt};

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

/// The domain's tables.
pub const MIGRATIONS: &[Migration] = &[];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    Vec::new()
}

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[];

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "thundervine",
    prefix: "vine",
    charter: "Workflows that survive crashes, and the lineage of what was made.",
    actions: ACTIONS,
    emits: &[],
    consumes: &[],
    jobs: &[],
    ports: &[],
    depends_on: &["thunderblock", "thunderflow"],
    required: false,
};
