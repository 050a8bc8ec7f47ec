//! Groups of nodes.

pub mod create;
pub mod delete;
pub mod list;
pub mod members;
pub mod reparent;
pub mod show;
