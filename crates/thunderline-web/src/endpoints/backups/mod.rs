//! Backups.

pub mod list;
pub mod request;
pub mod show;
