//! The domain's behaviour on both engines.

mod lineage;
mod statements;

use thunderline_testkit::MigrationSet;

const MIGRATIONS: &[MigrationSet] = &[thundervine::MIGRATIONS];
