//! The decision trail on both engines, from made-up events.

mod decisions;
mod statements;

use thunderline_testkit::MigrationSet;

const MIGRATIONS: &[MigrationSet] = &[thunderprism::MIGRATIONS];
