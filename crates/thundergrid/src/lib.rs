//! Zones: where nodes are placed, and who holds which place for how long.
//!
//! A zone has labels (site, region, trust, data locality, or whatever people choose). A node that says all of them of itself
//! is placed there, or is put there by hand, which wins. Somebody may hold a zone for a time: a claim has an owner, an
//! end, and a token that grows with each claim, so that what an earlier owner still sends can be told by its number.
//!
//! Deliberately absent: what is done in a zone, and any rule that only its owner may do it. Nodes are known from
//! Thunderlink's events only.

pub mod actions;
mod claim;
mod place;
pub mod project;
mod rows;

use thunderline_contracts::grid as events;
use thunderline_core::{Action, Event, Manifest};
use thunderline_store::Db;

pub use claim::{Claim, Held};
pub use place::Labels;
pub use rows::{MIGRATIONS, statements, zones::Zone};

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

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[
    &actions::assign::ACTION,
    &actions::claim::CLAIM,
    &actions::claim::RELEASE,
    &actions::claim::RENEW,
    &actions::create::ACTION,
    &actions::delete::ACTION,
    &actions::expire::ACTION,
    &actions::read::ACTION,
];

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "thundergrid",
    prefix: "grid",
    charter: "Zones: where nodes are placed, and who holds which place for how long.",
    actions: ACTIONS,
    emits: &[
        events::ZoneCreated::NAME,
        events::ZoneDeleted::NAME,
        events::ZoneClaimed::NAME,
        events::ZoneReleased::NAME,
        events::ZoneNodeAssigned::NAME,
    ],
    consumes: project::EVENTS,
    jobs: &[],
    ports: &[],
    depends_on: &["thunderlink"],
    required: false,
};
