//! Nodes' sessions.

pub mod list;
