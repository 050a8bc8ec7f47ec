//! Facts of other systems.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_contracts::flow::ExternalReceived;
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A fact of another system. It becomes the event `evt.external.received`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// The system.
    pub source: String,
    /// The fact's own id there: what is told twice is taken once.
    pub id: String,
    /// What kind of fact it is there.
    pub kind: String,
    /// When it happened there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The fact itself.
    #[serde(default)]
    pub data: Value,
}

impl From<Fact> for ExternalReceived {
    fn from(it: Fact) -> Self {
        Self { source: it.source, id: it.id, kind: it.kind, time: it.time, data: it.data }
    }
}

/// What became of a fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Taken {
    /// True where it is an event now; false where it was told before.
    pub taken: bool,
}
