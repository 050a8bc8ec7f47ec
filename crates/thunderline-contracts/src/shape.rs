//! What values look like in JSON: a JSON schema (draft 2020-12) for each type that payloads are made of.
//!
//! Written here rather than derived by a library: payloads use a dozen types, and what a schema may say is just what
//! [`crate::faults`] can check.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use thunderline_core::{
    ArtifactId, EventId, ExecutionId, FederationId, GroupId, JobId, LeaseId, NodeId, RollupId, RoundId,
    RunId, TenantId, Timestamp, ZoneId,
};
use uuid::Uuid;

/// A type whose JSON has a known shape.
pub trait Shape {
    /// False where a field of this type may be absent.
    const REQUIRED: bool = true;
    /// The shape as a JSON schema.
    fn schema() -> Value;
}

/// An object with these fields and no others: name, schema, whether it must be there.
#[must_use]
pub(crate) fn object(fields: &[(&str, Value, bool)]) -> Value {
    let required: Vec<_> = fields.iter().filter(|field| field.2).map(|field| field.0).collect();
    let mut schema = json!({ "type": "object", "required": required, "additionalProperties": false });
    let properties: Map<_, _> =
        fields.iter().map(|(name, schema, _)| ((*name).into(), schema.clone())).collect();
    schema["properties"] = properties.into();
    schema
}

/// Types with a constant schema.
macro_rules! shapes {
    ($($type:ty => $schema:tt),+ $(,)?) => {$(
        impl Shape for $type {
            fn schema() -> Value { json!($schema) }
        }
    )+};
}

shapes! {
    String => { "type": "string" },
    bool => { "type": "boolean" },
    u32 => { "type": "integer", "minimum": 0 },
    u64 => { "type": "integer", "minimum": 0 },
    i64 => { "type": "integer" },
    f64 => { "type": "number" },
    Uuid => { "type": "string", "format": "uuid" },
    Timestamp => { "type": "string", "format": "date-time" },
    // 63-bit numbers, which JavaScript cannot hold.
    NodeId => { "type": "string", "format": "decimal" },
    RunId => { "type": "string", "format": "decimal" },
    Value => {},
}

/// Ids that travel as UUIDs.
macro_rules! uuids {
    ($($type:ty),+ $(,)?) => {$(
        impl Shape for $type {
            fn schema() -> Value { Uuid::schema() }
        }
    )+};
}

uuids!(
    TenantId,
    FederationId,
    RoundId,
    LeaseId,
    ArtifactId,
    RollupId,
    EventId,
    JobId,
    ExecutionId,
    GroupId,
    ZoneId
);

impl<T: Shape> Shape for Option<T> {
    const REQUIRED: bool = false;
    fn schema() -> Value {
        json!({ "anyOf": [T::schema(), { "type": "null" }] })
    }
}

/// A list that is left out is empty.
impl<T: Shape> Shape for Vec<T> {
    const REQUIRED: bool = false;
    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema() })
    }
}

/// A map that is left out is empty.
impl<T: Shape> Shape for BTreeMap<String, T> {
    const REQUIRED: bool = false;
    fn schema() -> Value {
        json!({ "type": "object", "additionalProperties": T::schema() })
    }
}
