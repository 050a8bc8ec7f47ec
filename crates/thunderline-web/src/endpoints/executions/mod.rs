//! Workflows being carried out.

pub mod cancel;
pub mod decide;
pub mod list;
pub mod show;
pub mod snapshot;
