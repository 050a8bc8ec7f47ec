//! The domain's behaviour on both engines, through its public actions, with made-up nodes instead of a network.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod buffered;
mod encoded;
mod external;
mod guards;
mod masked;
mod masked_broken;
mod masked_closing;
mod masked_cohorts;
mod masked_private;
mod privacy;
mod python;
mod retention;
mod rounds;
mod site;
mod statements;
mod strategies;

use thunderline_testkit::MigrationSet;

const MIGRATIONS: &[MigrationSet] = &[federation::MIGRATIONS];
