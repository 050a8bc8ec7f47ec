//! Nodes.

pub mod evict;
pub mod heartbeats;
pub mod list;
pub mod readmit;
pub mod set_capability;
pub mod show;
pub mod unset_capability;
