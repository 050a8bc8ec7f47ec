//! Webhooks and what was sent.

use serde::{Deserialize, Serialize};
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A webhook to be made.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// Its name: lower-case letters, digits and hyphens.
    pub name: String,
    /// Where to.
    pub url: String,
    /// Which events: `fl.round.completed`, `fl.*`, `*`.
    pub events: Vec<String>,
}

/// An address that events are sent to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its id: the subject of events about it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where to.
    pub url: String,
    /// Which events.
    pub events: Vec<String>,
    /// `enabled` or `disabled`.
    pub state: String,
    /// Why it is disabled.
    pub reason: String,
    /// When it first failed since it last succeeded.
    pub failing_since: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What deliveries are signed with. Shown only by the call that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl From<thunderflow::webhooks::Webhook> for Webhook {
    fn from(it: thunderflow::webhooks::Webhook) -> Self {
        Self {
            id: it.id.to_string(),
            name: it.name,
            url: it.url,
            events: it.events,
            state: if it.enabled { "enabled" } else { "disabled" }.into(),
            reason: it.reason,
            failing_since: it.failing_since,
            created_at: it.created_at,
            secret: None,
        }
    }
}

/// One event on its way to one address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// The event's place in the stream.
    pub sequence: i64,
    /// The event's id: the header `webhook-id`.
    pub event: String,
    /// The event's name.
    pub event_name: String,
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next, while it waits.
    pub next_at: Timestamp,
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
    /// What was wrong with the last attempt.
    pub error: String,
    /// Milliseconds that the last attempt took.
    pub millis: Option<i64>,
    /// When it was taken or given up.
    pub finished_at: Option<Timestamp>,
}

impl From<thunderflow::webhooks::Delivery> for Delivery {
    fn from(it: thunderflow::webhooks::Delivery) -> Self {
        Self {
            id: it.id.to_string(),
            sequence: it.sequence,
            event: it.event.to_string(),
            event_name: it.event_name,
            state: it.state.name().into(),
            attempts: it.attempts,
            next_at: it.next_at,
            status: it.status,
            error: it.error,
            millis: it.millis,
            finished_at: it.finished_at,
        }
    }
}
