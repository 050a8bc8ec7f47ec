//! Feature flags.

pub mod list;
pub mod set;
pub mod show;
pub mod unset;
