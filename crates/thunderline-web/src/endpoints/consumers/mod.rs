//! Who consumes events.

pub mod forget;
pub mod list;
pub mod replay;
