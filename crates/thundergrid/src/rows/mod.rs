//! The domain's tables, `grid_*`. Private: nothing outside the crate can read or write them.

pub(crate) mod nodes;
pub(crate) mod zones;

use thunderline_store::{Migration, Stmt};

/// The domain's tables.
pub const MIGRATIONS: &[Migration] =
    &[Migration::portable(8001, "grid_zones", include_str!("../../migrations/8001_grid_zones.sql"))];

/// Every statement of the domain, for the check that each can be prepared on both engines and stays in its tables.
#[must_use]
pub fn statements() -> Vec<&'static Stmt> {
    [nodes::STATEMENTS, zones::STATEMENTS].concat()
}
