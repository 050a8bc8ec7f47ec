//! The domain's tables, `link_*`. Private: nothing outside the crate can read or write them.

pub(crate) mod capabilities;
pub(crate) mod groups;
pub(crate) mod heartbeats;
pub(crate) mod nodes;
pub(crate) mod sessions;

use thunderline_core::{Error, Result};
use thunderline_store::{Migration, Stmt};

/// The tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration::portable(1001, "link_base", include_str!("../../migrations/1001_link_base.sql")),
    Migration::portable(1100, "link_registry", include_str!("../../migrations/1100_link_registry.sql")),
];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    [
        capabilities::STATEMENTS,
        groups::STATEMENTS,
        heartbeats::STATEMENTS,
        nodes::STATEMENTS,
        sessions::STATEMENTS,
    ]
    .concat()
}

fn known<T>(column: &str, found: Option<T>) -> Result<T> {
    found.ok_or_else(|| Error::internal(format!("{column} holds an unknown value")))
}
