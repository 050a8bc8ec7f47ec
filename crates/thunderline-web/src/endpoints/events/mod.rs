//! Events.

pub mod list;
pub mod publish;
pub mod show;
pub mod stream;
pub mod types;
