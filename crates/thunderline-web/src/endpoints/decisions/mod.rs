//! The decision trail.

pub mod list;
pub mod show;
pub mod trail;
