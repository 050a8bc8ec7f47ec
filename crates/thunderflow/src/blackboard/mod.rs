//! The blackboard: small typed values that parts of an installation share for a while.
//!
//! Two scopes. `global` values are in the database: every process sees them, and they outlive restarts. `node` values are
//! in the memory of one process and end with it. A value has a type (that of its JSON), which stays until it is deleted or
//! has expired, and may have a time to live.

pub mod change;
mod node;
pub mod read;
pub(crate) mod rows;

use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::Value;
use thunderline_core::{Error, Timestamp};

use node::Node;

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the database.
    Global,
    /// In this process.
    Node,
}

impl Scope {
    /// The name in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Node => "node",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "global" => Ok(Self::Global),
            "node" => Ok(Self::Node),
            _ => Err(Error::invalid_value("scope", format!("'{text}' is no scope"), "global or node")),
        }
    }
}

/// A value with what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it is.
    pub scope: Scope,
    /// Its key.
    pub key: String,
    /// Its type: `boolean`, `integer`, `number`, `string`, `array` or `object`.
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

/// How often a value was asked for in this process, and was there or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// It was there.
    pub hits: u64,
    /// It was not.
    pub misses: u64,
}

/// The part of the blackboard that is in memory. Cheap to clone.
#[derive(Clone, Default)]
pub struct Board {
    node: Arc<Node>,
    asked: Arc<[[AtomicU64; 2]; 2]>,
}

impl Board {
    /// How often values of a scope were asked for in this process.
    #[must_use]
    pub fn counts(&self, scope: Scope) -> Counts {
        let [misses, hits] = &self.asked[usize::from(scope == Scope::Node)];
        Counts { hits: hits.load(Ordering::Relaxed), misses: misses.load(Ordering::Relaxed) }
    }

    fn count(&self, scope: Scope, hit: bool) {
        self.asked[usize::from(scope == Scope::Node)][usize::from(hit)].fetch_add(1, Ordering::Relaxed);
    }
}

/// The type of a value; none for null, which is no value.
fn kind(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        Value::String(_) => Some("string"),
        Value::Array(_) => Some("array"),
        Value::Object(_) => Some("object"),
    }
}
