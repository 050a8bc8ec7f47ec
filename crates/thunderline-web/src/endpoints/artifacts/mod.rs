//! Artifacts.

pub mod content;
pub mod list;
pub mod show;
pub mod upload;
pub mod verify;
