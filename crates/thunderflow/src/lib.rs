//! Events on their way: validation, pipelines, dead letters, subscribers, blackboard, flags.

use thunderline_core::{Action, Manifest};
use thunderline_store::{Db, Migration, Stmt};

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Flow {
    /// The database.
    pub db: Db,
}

impl Flow {
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
    domain: "thunderflow",
    prefix: "flow",
    charter: "Event streams: validation, pipelines, dead letters, subscribers, blackboard, flags.",
    actions: ACTIONS,
    emits: &[],
    consumes: &[],
    jobs: &[],
    ports: &[],
    depends_on: &["thunderblock"],
    required: false,
};
