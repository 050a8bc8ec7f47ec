//! What keeps the system itself: domains, jobs, schedules, retention, checkpoints, backups.

pub mod jobs;
pub mod registry;
pub mod schedules;

use std::sync::Arc;

use thunderline_contracts::system;
use thunderline_core::{Action, Event, Manifest};
use thunderline_store::{Db, Migration, Stmt};

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Block {
    /// The database.
    pub db: Db,
    /// The kinds of jobs that a schedule may enqueue.
    pub jobs: Arc<[&'static str]>,
}

impl Block {
    /// The domain over this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, jobs: Arc::new([]) }
    }

    /// The same domain, which knows that there are these kinds of jobs.
    #[must_use]
    pub fn with_jobs(self, jobs: impl IntoIterator<Item = &'static str>) -> Self {
        Self { jobs: jobs.into_iter().collect(), ..self }
    }
}

/// The domain's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::portable(4001, "block_domains", include_str!("../migrations/4001_block_domains.sql")),
    Migration::portable(4500, "schedules", include_str!("../migrations/4500_schedules.sql")),
];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    [registry::rows::STATEMENTS.to_vec(), schedules::statements()].concat()
}

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[
    &jobs::cancel::ACTION,
    &jobs::read::ACTION,
    &jobs::retry::ACTION,
    &jobs::run::ACTION,
    &registry::ORDER,
    &registry::READ,
    &registry::RECORD,
    &schedules::create::ACTION,
    &schedules::delete::ACTION,
    &schedules::pause::ACTION,
    &schedules::read::ACTION,
    &schedules::resume::ACTION,
    &schedules::run::ACTION,
    &schedules::sweep::ACTION,
];

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
    jobs: &[<jobs::prune::Prune as thunderline_core::Job>::NAME],
    ports: &[],
    depends_on: &[],
    required: true,
};
