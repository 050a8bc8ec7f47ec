//! The REST interface on both engines: the real router over the real domains, without a socket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod access;
mod artifacts;
mod events;
mod federations;
mod flow;
mod jobs;
mod nodes;
mod refusals;
mod site;
mod upkeep;
mod workflows;

use thunderline_testkit::MigrationSet;

const MIGRATIONS: &[MigrationSet] = &[
    thunderlink::MIGRATIONS,
    federation::MIGRATIONS,
    thundergate::MIGRATIONS,
    thunderblock::MIGRATIONS,
    thunderflow::MIGRATIONS,
    thundervine::MIGRATIONS,
    thunderprism::MIGRATIONS,
    thundergrid::MIGRATIONS,
];
