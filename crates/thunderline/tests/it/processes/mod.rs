//! The program as people run it: real processes, the real wire, kills included.
//!
//! What each test needs to start and to watch is in [`server`], [`node`], [`proxy`], [`flower`] and [`group`]. Tests wait for
//! conditions with a generous limit and assert nothing about time.

mod flower;
mod group;
mod hand;
mod model;
mod node;
mod proxy;
mod rest;
mod server;
mod traces;
mod turn;
pub mod wait;

mod backups;
mod broken_links;
mod encodings;
mod explained;
mod flower_peers;
mod hostile;
mod masked;
mod masked_flower;
mod mesh;
mod privacy;
mod stopping;
mod strategy;
mod twenty_kills;
mod workflow;
