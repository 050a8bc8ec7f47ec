//! What keeps the system itself: domains, jobs, schedules, retention, checkpoints, backups.

pub mod registry;

use thunderline_contracts::system;
use thunderline_core::{Action, Event, Manifest};
use thunderline_store::{Db, Migration, Stmt};

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Block {
    /// The database.
    pub db: Db,
}

impl Block {
    /// The domain over this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

/// The domain's tables.
pub const MIGRATIONS: &[Migration] =
    &[Migration::portable(4001, "block_domains", include_str!("../migrations/4001_block_domains.sql"))];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    registry::rows::STATEMENTS.to_vec()
}

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[&registry::ORDER, &registry::READ, &registry::RECORD];

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "thunderblock",
    prefix: "block",
    charter: "The registry of domains, their checkpoints, what is kept how long, jobs and schedules, backups.",
    actions: ACTIONS,
    emits: &[
        system::DomainWaiting::NAME,
        system::DomainActivated::NAME,
        system::DomainDegraded::NAME,
        system::DomainCrashed::NAME,
        system::DomainRestarting::NAME,
        system::DomainDeactivated::NAME,
    ],
    consumes: &[],
    jobs: &[],
    ports: &[],
    depends_on: &[],
    required: true,
};
