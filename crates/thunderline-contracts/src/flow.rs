//! Thunderflow's events: what becomes of events on their way, and of those who want them.

use serde_json::Value;
use thunderline_core::{EventId, Timestamp};
use uuid::Uuid;

use crate::event;

event! {
    /// A consumer gave up an event.
    DeadLetterAdded = "flow.dead_letter.added" about "dead_letter" letter {
        /// The dead letter.
        letter: Uuid,
        /// Who gave it up.
        consumer: String,
        /// Which event.
        event: EventId,
        /// Its name.
        event_name: String,
        /// Its sequence.
        sequence: i64,
        /// The class of the last failure.
        class: String,
    }
}

event! {
    /// An event that had been given up was handled after all.
    DeadLetterReplayed = "flow.dead_letter.replayed" about "dead_letter" letter {
        /// The dead letter.
        letter: Uuid,
        /// Who handled it.
        consumer: String,
        /// Which event.
        event: EventId,
    }
}

event! {
    /// An event that had been given up will not be handled.
    DeadLetterDropped = "flow.dead_letter.dropped" about "dead_letter" letter {
        /// The dead letter.
        letter: Uuid,
        /// Who had given it up.
        consumer: String,
        /// Which event.
        event: EventId,
    }
}

event! {
    /// A consumer was set to another place, usually back: it sees the events after it again.
    ConsumerReset = "flow.consumer.reset" about "consumer" consumer {
        /// Which consumer.
        consumer: String,
        /// Where it stood.
        before: i64,
        /// Where it stands.
        now: i64,
    }
}

event! {
    /// A consumer that is no more was forgotten: events are not kept for it any longer.
    ConsumerForgotten = "flow.consumer.forgotten" about "consumer" consumer {
        /// Which consumer.
        consumer: String,
    }
}

event! {
    /// A feature flag was set or removed.
    FlagChanged = "flow.flag.changed" about "flag" flag {
        /// Which flag.
        flag: String,
        /// What it says now; absent where it was removed, and is off.
        value: Option<Value>,
    }
}

event! {
    /// Events are sent to a new address.
    WebhookCreated = "flow.webhook.created" about "webhook" webhook {
        /// Which webhook.
        webhook: Uuid,
        /// Its name.
        name: String,
        /// Which events, as patterns.
        events: Vec<String>,
    }
}

event! {
    /// A webhook is no more.
    WebhookDeleted = "flow.webhook.deleted" about "webhook" webhook {
        /// Which webhook.
        webhook: Uuid,
        /// Its name.
        name: String,
    }
}

event! {
    /// Nothing is sent to a webhook any more until it is enabled again.
    WebhookDisabled = "flow.webhook.disabled" about "webhook" webhook {
        /// Which webhook.
        webhook: Uuid,
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    }
}

event! {
    /// Events are sent to a webhook again.
    WebhookEnabled = "flow.webhook.enabled" about "webhook" webhook {
        /// Which webhook.
        webhook: Uuid,
        /// Its name.
        name: String,
    }
}

event! {
    /// Somebody wants to see whether a webhook works. Sent to that one only, whatever its patterns.
    WebhookTested = "flow.webhook.tested" about "webhook" webhook {
        /// Which webhook.
        webhook: Uuid,
        /// Its name.
        name: String,
    }
}

event! {
    /// A fact of another system, told through the REST interface.
    ExternalReceived = "evt.external.received" about "source" source {
        /// The system, in words of whoever told.
        source: String,
        /// The fact's own id there: what is told twice is taken once.
        id: String,
        /// What kind of fact it is there.
        kind: String,
        /// When it happened there.
        time: Option<Timestamp>,
        /// The fact itself.
        data: Value,
    }
}
