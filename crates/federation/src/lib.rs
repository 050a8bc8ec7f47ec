//! Federated training.
//!
//! A federation is a spec carried out round by round: clients are chosen, get leases, train, send updates; the updates
//! become the next model; somebody judges it. *Resources*: [`Federation`](rows::Federation), [`Round`](rows::Round),
//! [`Lease`](rows::Lease), [`Artifact`](artifact::Artifact), [`Rollup`](rollup::Rollup), each with its state machine in
//! [`state`]. *Decisions* are pure: [`spec`] validates, [`select`] chooses, [`plan`] says what is next. *Effects*: the
//! actions in [`actions`], one transaction each; [`drive`] repeats view → plan → steps until nothing is left to do.
//!
//! Deliberately absent: any wire format (that ends at the edge), any other domain's tables or functions (nodes are known
//! from Thunderlink's events only), and sockets. Another domain cannot even be named here:
//!
//! ```compile_fail,E0432
//! use thunderlink::Links;
//! ```

pub mod actions;
pub mod aggregate;
pub mod artifact;
mod board;
pub mod buffer;
pub mod drive;
mod encoded;
pub mod external;
mod fold;
mod frozen;
pub mod layout;
pub mod manifest;
pub mod masked;
pub mod plan;
pub mod privacy;
pub mod project;
pub mod retain;
pub mod rollup;
mod rows;
pub mod running;
pub mod select;
pub mod spec;
pub mod state;
pub mod task;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use thunderline_core::{Event, FederationId, Manifest};
use thunderline_objects::{Objects, blocking};
use thunderline_store::Db;

pub use rows::{Federation, Lease, MIGRATIONS, Round, statements};

use thunderline_contracts::federation as events;

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Federations {
    /// The database.
    pub db: Db,
    /// The blobs.
    pub objects: Objects,
    programs: external::Programs,
    driving: Arc<Mutex<HashMap<FederationId, Arc<tokio::sync::Mutex<()>>>>>,
    board: Arc<board::Board>,
}

impl Federations {
    /// The domain over this database and these blobs.
    #[must_use]
    pub fn new(db: Db, objects: Objects) -> Self {
        let programs = external::Programs::none();
        Self { db, objects, programs, driving: Arc::default(), board: Arc::default() }
    }

    /// The same with programs that specs may name as their strategies.
    #[must_use]
    pub fn with_programs(self, programs: external::Programs) -> Self {
        Self { programs, ..self }
    }

    /// Only one drive of a federation at a time in a process: two would do the same work twice, correctly but for nothing.
    fn driver(&self, id: FederationId) -> Arc<tokio::sync::Mutex<()>> {
        let mut driving = self.driving.lock().expect("no code panics while holding the map");
        driving.retain(|_, held| Arc::strong_count(held) > 1);
        driving.entry(id).or_default().clone()
    }
}

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "federation",
    prefix: "fl",
    charter: "Federated training: specs, rounds, leases, aggregation, checkpoints.",
    actions: actions::ALL,
    emits: &[
        events::FederationCreated::NAME,
        events::FederationStarted::NAME,
        events::FederationPaused::NAME,
        events::FederationResumed::NAME,
        events::FederationCompleted::NAME,
        events::FederationFailed::NAME,
        events::FederationCancelled::NAME,
        events::LeaseIssued::NAME,
        events::ClientJoined::NAME,
        events::UpdateAccepted::NAME,
        events::UpdateRefused::NAME,
        events::ClientDropped::NAME,
        events::RoundStarted::NAME,
        events::RoundCompleted::NAME,
        events::RoundFailed::NAME,
        events::AggregateCompleted::NAME,
        events::ClientsSelected::NAME,
        events::RoundClosed::NAME,
        events::ArtifactStored::NAME,
        events::PrivacySpent::NAME,
        events::PrivacyExhausted::NAME,
        events::PrivacyBudgetSet::NAME,
    ],
    consumes: project::EVENTS,
    jobs: &[<drive::Drive as thunderline_core::Job>::NAME],
    ports: &[],
    depends_on: &["thundergate", "thunderlink"],
    required: true,
};
