//! Nodes.

pub mod list;
pub mod show;
