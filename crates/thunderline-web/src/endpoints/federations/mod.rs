//! Federations.

pub mod cancel;
pub mod list;
pub mod pause;
pub mod resume;
pub mod rollups;
pub mod rounds;
pub mod show;
pub mod submit;
