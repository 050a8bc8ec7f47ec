//! Zones: where nodes are placed, and who holds which place for how long.

use thunderline_core::{Action, Manifest};
use thunderline_store::{Db, Migration, Stmt};

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Grid {
    /// The database.
    pub db: Db,
}

impl Grid {
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
    domain: "thundergrid",
    prefix: "grid",
    charter: "Zones: where nodes are placed, and who holds which place for how long.",
    actions: ACTIONS,
    emits: &[],
    consumes: &[],
    jobs: &[],
    ports: &[],
    depends_on: &["thunderlink"],
    required: false,
};
