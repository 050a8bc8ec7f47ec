//! The domain's behaviour on both engines, through its public actions.

mod backups;
mod checkpoints;
mod health;
mod home;
mod registry;
mod retention;
mod statements;

use thunderline_testkit::MigrationSet;

const MIGRATIONS: &[MigrationSet] = &[thunderblock::MIGRATIONS];
