//! Workflows that survive crashes, and the lineage of what was made.
//!
//! [`workflow`] carries out steps that depend on each other, and undoes them in reverse order where one fails. [`lineage`]
//! answers 'what made this model' from events.

pub mod lineage;
mod rows;
pub mod workflow;

use thunderline_contracts::{
    dag,
    federation::{
        AggregateCompleted, ArtifactStored, ClientsSelected, FederationCancelled, FederationCompleted,
        FederationCreated, FederationFailed, UpdateAccepted,
    },
    link::NodeJoined,
};
use thunderline_core::{Action, Event, Job, Manifest};
use thunderline_store::Db;

pub use rows::{MIGRATIONS, statements};
use workflow::catalogue::Catalogue;

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Vine {
    /// The database.
    pub db: Db,
    /// What the nodes of workflows can do.
    pub catalogue: Catalogue,
}

impl Vine {
    /// The domain over this database; its workflows can do nothing outside the domain.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self::with_catalogue(db, Catalogue::default())
    }

    /// The domain over this database, with what its workflows can do.
    #[must_use]
    pub fn with_catalogue(db: Db, catalogue: Catalogue) -> Self {
        Self { db, catalogue }
    }
}

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[
    &workflow::actions::cancel::ACTION,
    &workflow::actions::decide::ACTION,
    &workflow::actions::define::ACTION,
    &workflow::actions::read::ACTION,
    &workflow::actions::snapshot::ACTION,
    &workflow::actions::start::ACTION,
    &workflow::actions::STEP,
    &workflow::drive::SWEEP,
    &workflow::project::ACTION,
    &lineage::project::ACTION,
    &lineage::read::ACTION,
];

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "thundervine",
    prefix: "vine",
    charter: "Workflows that survive crashes, and the lineage of what was made.",
    actions: ACTIONS,
    emits: &[
        dag::WorkflowDefined::NAME,
        dag::WorkflowStarted::NAME,
        dag::WorkflowCompleted::NAME,
        dag::WorkflowFailed::NAME,
        dag::WorkflowCancelled::NAME,
        dag::WorkflowCompensated::NAME,
        dag::NodeStarted::NAME,
        dag::NodeWaiting::NAME,
        dag::NodeCompleted::NAME,
        dag::NodeFailed::NAME,
        dag::NodeDecided::NAME,
        dag::NodeNoted::NAME,
        dag::NodeCompensated::NAME,
        dag::NodeNotCompensated::NAME,
    ],
    consumes: &[
        FederationCreated::NAME,
        FederationCompleted::NAME,
        FederationFailed::NAME,
        FederationCancelled::NAME,
        ArtifactStored::NAME,
        ClientsSelected::NAME,
        UpdateAccepted::NAME,
        AggregateCompleted::NAME,
        NodeJoined::NAME,
    ],
    jobs: &[workflow::drive::Drive::NAME],
    ports: &["StepAction: federation.submit, federation.cancel"],
    depends_on: &["thunderblock", "thunderflow"],
    required: false,
};
