//! Flower's Fleet API for unmodified clients, over HTTP/1.1 (flwr 1.40 and later) and gRPC (flwr 1.39 and earlier), and the
//! lease service for Thunderline's own runners.
//!
//! A request goes through [`http`] or [`grpc`] (framing, size limits), [`caller`] (whose signature is it?), and one of the
//! [`calls`], which know no transport. Failures become status codes in [`refusal`] only. Downloads come from
//! [`publish`], uploads go through [`upload`]. `docs/fleet-api.md` says what clients make of each answer.
//!
//! Deliberately absent: rules and SQL. What a node may do and what becomes of its reply is decided by the domains.

mod answer;
mod blocking;
mod budget;
mod caller;
mod calls;
mod exchange;
mod fleet;
mod grpc;
mod http;
mod pace;
mod patience;
mod publish;
mod receive;
mod refusal;
mod router;
mod runner;
mod serve;
mod spool;
mod stream;
mod upload;

pub use fleet::{Config, Fleet};
pub use router::router;
pub use serve::serve;
