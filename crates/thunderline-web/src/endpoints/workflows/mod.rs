//! Workflows.

pub mod define;
pub mod list;
pub mod show;
pub mod start;
