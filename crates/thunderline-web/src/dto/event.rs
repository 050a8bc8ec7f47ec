//! Events.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_core::{Envelope, Timestamp};
use utoipa::ToSchema;

/// A fact that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The position in the order of all events: strictly increasing. The `id` of the event stream.
    pub sequence: i64,
    /// The event's own id.
    pub id: String,
    /// Its kind, for example `fl.round.completed`.
    pub name: String,
    /// The version of its payload.
    pub version: u32,
    /// Who did it.
    pub actor: String,
    /// What kind of thing it is about.
    pub subject_kind: String,
    /// Which one.
    pub subject_id: String,
    /// Ties together everything that one request set off.
    pub correlation: String,
    /// When.
    pub time: Timestamp,
    /// The fact itself.
    pub payload: Value,
}

impl From<Envelope> for Event {
    fn from(it: Envelope) -> Self {
        Self {
            sequence: it.sequence,
            id: it.id.to_string(),
            name: it.name,
            version: it.version,
            actor: it.actor,
            subject_kind: it.subject.kind,
            subject_id: it.subject.id,
            correlation: it.correlation.to_string(),
            time: it.time,
            payload: it.payload,
        }
    }
}
