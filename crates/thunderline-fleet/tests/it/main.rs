//! The edge with its real router and real domains, and made-up clients that speak the wire format.

mod client;
mod edge;
mod exchange;
#[cfg(test)]
mod masked;
#[cfg(test)]
mod masked_python;
#[cfg(test)]
mod masked_stream;
mod refusals;
mod runner;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod stream;

use thunderline_testkit::MigrationSet;

const MIGRATIONS: &[MigrationSet] =
    &[federation::MIGRATIONS, thunderlink::MIGRATIONS, thundergate::MIGRATIONS];
