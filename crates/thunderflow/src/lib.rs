//! Events on their way: validation, pipelines, dead letters, subscribers, blackboard, flags.
//!
//! The outbox, its cursors and the relay are mechanism (store and runtime); what an operator sees and steers is here:
//! [consumers](events::consumers) and how far they are, [dead letters](dead_letters), what is
//! [kept](events::retain), what comes [from outside](events::publish), and to whom events are [sent](webhooks). Beside
//! these, what parts of an installation tell each other without events: [flags] and the [blackboard].

pub mod blackboard;
pub mod dead_letters;
pub mod events;
pub mod flags;
pub mod webhooks;

use std::sync::Arc;

use thunderline_contracts::flow::{
    ConsumerForgotten, ConsumerReset, DeadLetterAdded, DeadLetterDropped, DeadLetterReplayed,
    ExternalReceived, FlagChanged, WebhookCreated, WebhookDeleted, WebhookDisabled, WebhookEnabled,
    WebhookTested,
};
use thunderline_core::{Action, Event, Job, Manifest};
use thunderline_store::{Db, Migration, Stmt};

/// What this domain works with. Cheap to clone.
#[derive(Clone)]
pub struct Flow {
    /// The database.
    pub db: Db,
    /// Feature flags, in memory; read by [`flags::Flags::reload`].
    pub flags: flags::Flags,
    /// The blackboard's part in memory.
    pub board: blackboard::Board,
    /// How requests leave, where this process sends any.
    pub sender: Option<Arc<dyn webhooks::Sender>>,
}

impl Flow {
    /// The domain over this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, flags: flags::Flags::default(), board: blackboard::Board::default(), sender: None }
    }

    /// The domain in a process that sends webhooks.
    #[must_use]
    pub fn sending(self, sender: Arc<dyn webhooks::Sender>) -> Self {
        Self { sender: Some(sender), ..self }
    }
}

/// The domain's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::portable(5001, "flow_events", include_str!("../migrations/5001_flow_events.sql")),
    Migration::portable(5002, "flow_webhooks", include_str!("../migrations/5002_flow_webhooks.sql")),
];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    let events = [dead_letters::rows::STATEMENTS, events::publish::STATEMENTS, webhooks::rows::STATEMENTS];
    [events.concat(), flags::rows::STATEMENTS.to_vec(), blackboard::rows::STATEMENTS.to_vec()].concat()
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
    &webhooks::read::ACTION,
    &webhooks::create::ACTION,
    &webhooks::change::ENABLE,
    &webhooks::change::DISABLE,
    &webhooks::change::TEST,
    &webhooks::change::DELETE,
    &webhooks::sort::ACTION,
    &webhooks::deliver::ACTION,
    &flags::read::ACTION,
    &flags::change::SET,
    &flags::change::UNSET,
    &blackboard::read::ACTION,
    &blackboard::change::PUT,
    &blackboard::change::DELETE,
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
        WebhookCreated::NAME,
        WebhookDeleted::NAME,
        WebhookDisabled::NAME,
        WebhookEnabled::NAME,
        WebhookTested::NAME,
        FlagChanged::NAME,
    ],
    consumes: &[],
    jobs: &[webhooks::deliver::Deliver::NAME],
    ports: &[],
    depends_on: &["thunderblock"],
    required: false,
};
