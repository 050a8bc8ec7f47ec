//! The blackboard.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderflow::blackboard;
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A value to be put.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEntry {
    /// The value: anything but null.
    pub value: Value,
    /// Seconds until it is forgotten; without it, it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<i64>,
}

/// A value with what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// `global` or `node`.
    pub scope: String,
    /// Its key.
    pub key: String,
    /// `boolean`, `integer`, `number`, `string`, `array` or `object`.
    pub kind: String,
    /// The value.
    pub value: Value,
    /// When it is forgotten, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was put there.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: String,
}

impl From<blackboard::Entry> for Entry {
    fn from(it: blackboard::Entry) -> Self {
        Self {
            scope: it.scope.name().into(),
            key: it.key,
            kind: it.kind,
            value: it.value,
            expires_at: it.expires_at,
            changed_at: it.changed_at,
            changed_by: it.changed_by,
        }
    }
}

/// Values of one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Board {
    /// How often a value was asked for in the process that answers, and was there.
    pub hits: u64,
    /// And was not.
    pub misses: u64,
    /// The values, by key.
    pub items: Vec<Entry>,
}
