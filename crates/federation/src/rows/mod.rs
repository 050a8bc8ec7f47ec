//! This domain's SQL. Private: nothing outside the crate can read or write these tables.

pub(crate) mod artifacts;
pub(crate) mod federations;
pub(crate) mod groups;
pub(crate) mod leases;
pub(crate) mod nodes;
pub(crate) mod rollups;
pub(crate) mod rounds;
pub(crate) mod updates;

pub use federations::Federation;
pub use leases::Lease;
pub use rounds::Round;

use serde::de::DeserializeOwned;
use thunderline_core::{Error, Result};
use thunderline_store::{Migration, Stmt};

/// The tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::portable(2001, "fl_base", include_str!("../../migrations/2001_fl_base.sql")),
    Migration::portable(
        2002,
        "fl_optimiser_state",
        include_str!("../../migrations/2002_fl_optimiser_state.sql"),
    ),
    Migration::portable(2100, "fl_privacy", include_str!("../../migrations/2100_fl_privacy.sql")),
    Migration::portable(2101, "fl_placement", include_str!("../../migrations/2101_fl_placement.sql")),
    Migration {
        version: 2110,
        name: "fl_buffer",
        sqlite: include_str!("../../migrations/2110_fl_buffer.sqlite.sql"),
        postgres: include_str!("../../migrations/2110_fl_buffer.postgres.sql"),
    },
    Migration::portable(2120, "fl_masked", include_str!("../../migrations/2120_fl_masked.sql")),
];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    [
        artifacts::STATEMENTS,
        federations::STATEMENTS,
        groups::STATEMENTS,
        leases::STATEMENTS,
        crate::masked::rows::STATEMENTS,
        nodes::STATEMENTS,
        crate::privacy::rows::STATEMENTS,
        rollups::STATEMENTS,
        rounds::STATEMENTS,
        updates::STATEMENTS,
        crate::retain::STATEMENTS,
        crate::running::STATEMENTS,
    ]
    .concat()
}

/// A stored JSON column as its type.
fn decode<T: DeserializeOwned>(column: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Error::internal(format!("column {column} holds something that is not its type")).caused_by(error)
    })
}

/// A stored name as its state.
pub(crate) fn known<T>(column: &str, text: &str, state: Option<T>) -> Result<T> {
    state.ok_or_else(|| Error::internal(format!("column {column} holds the unknown value '{text}'")))
}

/// Turns 'no row was changed' into the conflict that it is.
pub(crate) fn changed(count: u64, what: &str) -> Result<()> {
    if count == 1 {
        Ok(())
    } else {
        Err(Error::conflict(format!("{what} was changed by somebody else meanwhile")))
    }
}
