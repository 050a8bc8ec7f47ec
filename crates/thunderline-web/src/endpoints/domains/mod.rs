//! The domain mesh.

pub mod list;
pub mod order;
pub mod show;
