//! What keeps the system itself: domains, jobs, schedules, retention, checkpoints, backups.

pub mod backup;
pub mod checkpoint;
pub mod health;
mod home;
pub mod jobs;
pub mod registry;
pub mod retention;
pub mod schedules;

use std::sync::Arc;

use thunderline_contracts::system;
use thunderline_core::{Action, Event, Job, Manifest};
use thunderline_objects::blocking;
use thunderline_store::{Db, Migration, Stmt};

use schedules::kind::Kind;

pub use home::Home;

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Block {
    /// The database.
    pub db: Db,
    /// The installation's folder; none in a process that was not given one.
    pub home: Option<Arc<Home>>,
    /// The name of this process among those that use the database, the same at its next start.
    pub node: Arc<str>,
    /// How everything is.
    pub health: health::Health,
    /// From where on something is not healthy.
    pub limits: health::Limits,
    /// Who is asked what is running.
    pub sources: Arc<[checkpoint::Source]>,
    /// What is kept, and can be forgotten.
    pub resources: Arc<[retention::Resource]>,
    pub(crate) examination: checkpoint::Examination,
    /// The kinds of jobs that a schedule may enqueue.
    pub(crate) schedulable: Arc<[Kind]>,
}

impl Block {
    /// The domain over this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            home: None,
            node: "server".into(),
            health: health::Health::default(),
            limits: health::Limits::default(),
            sources: Arc::new([]),
            resources: Arc::new([]),
            examination: checkpoint::Examination::default(),
            schedulable: Arc::new([
                Kind::of::<backup::TakeBackup>(&backup::ACTION),
                Kind::of::<retention::Sweep>(&retention::SWEEP_ACTION),
            ]),
        }
    }

    /// The same, for an installation that lives in a folder.
    #[must_use]
    pub fn at_home(self, home: Home) -> Self {
        Self { home: Some(Arc::new(home)), ..self }
    }

    /// The same, in a process of this name.
    #[must_use]
    pub fn named(self, node: &str) -> Self {
        Self { node: node.into(), ..self }
    }

    /// The same, which asks these what is running.
    #[must_use]
    pub fn with_sources(self, sources: impl IntoIterator<Item = checkpoint::Source>) -> Self {
        Self { sources: sources.into_iter().collect(), ..self }
    }

    /// The same, which forgets these when their time has come.
    #[must_use]
    pub fn with_resources(self, resources: impl IntoIterator<Item = retention::Resource>) -> Self {
        Self { resources: resources.into_iter().collect(), ..self }
    }

    /// The same, whose schedules may enqueue these as well.
    #[must_use]
    pub fn with_schedulable(self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        let schedulable = self.schedulable.iter().copied().chain(kinds).collect();
        Self { schedulable, ..self }
    }
}

/// The domain's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::portable(4001, "block_domains", include_str!("../migrations/4001_block_domains.sql")),
    Migration::portable(4201, "block_backups", include_str!("../migrations/4201_block_backups.sql")),
    Migration::portable(4202, "block_health", include_str!("../migrations/4202_block_health.sql")),
    Migration::portable(4203, "block_retention", include_str!("../migrations/4203_block_retention.sql")),
    Migration::portable(4500, "schedules", include_str!("../migrations/4500_schedules.sql")),
];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    [
        backup::STATEMENTS,
        checkpoint::STATEMENTS,
        health::STATEMENTS,
        &registry::rows::STATEMENTS,
        retention::STATEMENTS,
        &schedules::statements(),
    ]
    .concat()
}

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[
    &backup::ACTION,
    &backup::READ_ACTION,
    &backup::FINISH_ACTION,
    &checkpoint::ACTION,
    &checkpoint::READ_ACTION,
    &health::ACTION,
    &health::READ_ACTION,
    &registry::ORDER,
    &registry::READ,
    &registry::RECORD,
    &retention::READ_ACTION,
    &retention::SET_ACTION,
    &retention::SWEEP_ACTION,
    &jobs::cancel::ACTION,
    &jobs::read::ACTION,
    &jobs::retry::ACTION,
    &jobs::run::ACTION,
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
    jobs: &[backup::MakeBackup::NAME, backup::TakeBackup::NAME, retention::Sweep::NAME],
    ports: &["what is running?", "what can be forgotten?"],
    depends_on: &[],
    required: true,
};
