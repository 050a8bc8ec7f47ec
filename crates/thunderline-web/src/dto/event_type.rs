//! Kinds of events.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_contracts::EventType as Contract;
use utoipa::ToSchema;

/// A kind of event and its contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventType {
    /// Its name, for example `fl.round.completed`.
    pub name: String,
    /// The version of its payload.
    pub version: u32,
    /// The payload's JSON schema (draft 2020-12).
    pub schema: Value,
}

impl From<&Contract> for EventType {
    fn from(it: &Contract) -> Self {
        Self { name: it.name.into(), version: it.version, schema: it.schema() }
    }
}
