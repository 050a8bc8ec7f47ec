//! This domain's SQL. Private: nothing outside the crate can read or write these tables.

pub(crate) mod executions;
pub(crate) mod lineage;
pub(crate) mod outcomes;
pub(crate) mod workflows;

use serde::de::DeserializeOwned;
use thunderline_core::{Error, Result};
use thunderline_store::{Migration, Stmt};

/// The tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::portable(6001, "vine_lineage", include_str!("../../migrations/6001_vine_lineage.sql")),
    Migration::portable(6002, "vine_workflows", include_str!("../../migrations/6002_vine_workflows.sql")),
];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    [executions::STATEMENTS, lineage::STATEMENTS, outcomes::STATEMENTS, workflows::STATEMENTS].concat()
}

/// A stored JSON column as its type.
fn decode<T: DeserializeOwned>(column: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Error::internal(format!("column {column} holds something that is not its type")).caused_by(error)
    })
}

/// A stored name as its state.
fn known<T>(column: &str, text: &str, state: Option<T>) -> Result<T> {
    state.ok_or_else(|| Error::internal(format!("column {column} holds the unknown value '{text}'")))
}
