//! System checkpoints.

pub mod list;
pub mod show;
