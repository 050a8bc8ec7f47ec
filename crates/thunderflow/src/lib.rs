//! Events on their way: validation, pipelines, dead letters, subscribers, blackboard, flags.
//!
//! The outbox, its cursors and the relay are mechanism (store and runtime); what an operator sees and steers is here:
//! [consumers](events::consumers) and how far they are, [dead letters](dead_letters), what is
//! [kept](events::retain), what comes [from outside](events::publish).

pub mod dead_letters;
pub mod events;

use std::fmt::Write as _;

use ring::digest::SHA256;
use thunderline_contracts::flow::{
    ConsumerForgotten, ConsumerReset, DeadLetterAdded, DeadLetterDropped, DeadLetterReplayed,
    ExternalReceived,
};
use thunderline_core::{Action, Event, Manifest};
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
pub const MIGRATIONS: &[Migration] =
    &[Migration::portable(5001, "flow_events", include_str!("../migrations/5001_flow_events.sql"))];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    [dead_letters::rows::STATEMENTS, events::publish::STATEMENTS].concat()
}

/// Every action, for the policy matrix.
pub const ACTIONS: &[&Action] = &[
    &events::read::ACTION,
    &events::publish::ACTION,
    &events::retain::ACTION,
    &events::consumers::ACTION,
    &events::reset::ACTION,
    &events::forget::ACTION,
    &dead_letters::read::ACTION,
    &dead_letters::replay::ACTION,
    &dead_letters::drop::ACTION,
];

/// The domain's border.
pub const MANIFEST: Manifest = Manifest {
    domain: "thunderflow",
    prefix: "flow",
    charter: "Event streams: validation, pipelines, dead letters, subscribers, blackboard, flags.",
    actions: ACTIONS,
    emits: &[
        DeadLetterAdded::NAME,
        DeadLetterReplayed::NAME,
        DeadLetterDropped::NAME,
        ConsumerReset::NAME,
        ConsumerForgotten::NAME,
        ExternalReceived::NAME,
    ],
    consumes: &[],
    jobs: &[],
    ports: &[],
    depends_on: &["thunderblock"],
    required: false,
};

/// SHA-256 in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    let hash = ring::digest::digest(&SHA256, bytes);
    hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}
