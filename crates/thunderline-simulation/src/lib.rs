//! Whole servers and made-up nodes under a virtual clock, driven by seeded lists of operations.
//!
//! A seed becomes a list of [operations](op::Op) ([`draw`](mod@draw)); the [`World`] carries them out one after another:
//! the real store on SQLite, the real domains, the real router, the real jobs and events, and nodes that speak the real
//! wire format. Nothing runs beside: a job runs when the list says so, time passes when the list says so, a request that
//! is held back stands exactly where the list says. After each operation the [`facts`] are read from the tables and
//! compared with what must hold ([`laws`]). A list that breaks a law is made smaller ([`shrink`](mod@shrink)) and kept
//! under `reproductions/`. docs/simulation.md says what is checked and what was found.
//!
//! A release build of this crate is empty: see [`thunderline_core::seams`].
#![cfg(debug_assertions)]

pub mod command;
pub mod draw;
pub mod facts;
mod fixture;
pub mod laws;
mod model;
mod node;
pub mod op;
mod probe;
mod run;
mod server;
pub mod shrink;
mod wire;
mod world;

pub use fixture::Template;
pub use run::{Draw, Failure, Report, run, run_seed};
pub use world::World;
