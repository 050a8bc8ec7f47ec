//! The decision trail: why these clients, why this weight, why refused, why a round was closed, failed or tried again.
//!
//! Decisions are facts that other domains tell as events. [`decide`] turns one event into a sentence, its details and what
//! led to it, purely; [`project`] stores that beside the consumer's cursor; [`read`] lists, shows and follows. It never stands
//! in the way of a decision: it hears of it afterwards.

pub mod decide;
pub mod project;
pub mod read;
mod rows;

use thunderline_core::{Action, Manifest};
use thunderline_store::Db;

pub use rows::{MIGRATIONS, statements};

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Prism {
    /// The database.
    pub db: Db,
}

impl Prism {
    /// The domain over this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
}

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[&project::ACTION, &read::ACTION];

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "thunderprism",
    prefix: "prism",
    charter: "The decision trail: why these clients, why this weight, why refused.",
    actions: ACTIONS,
    emits: &[],
    consumes: project::EVENTS,
    jobs: &[],
    ports: &[],
    depends_on: &["thunderblock", "thunderflow"],
    required: false,
};
