//! A runner against a server that plays its part of the protocol from memory, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

mod cohort;
mod rounds;
mod server;
mod stopping;
mod trainer;
