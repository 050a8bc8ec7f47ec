//! The domain's behaviour on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod lineage;
mod statements;
mod workflows;

use thunderline_testkit::MigrationSet;

const MIGRATIONS: &[MigrationSet] = &[thundervine::MIGRATIONS];
