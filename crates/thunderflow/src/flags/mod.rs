//! Feature flags: named booleans that can be changed while the server runs.
//!
//! Asking costs no database read: every process keeps all flags in memory. The process that changes one knows at once,
//! others within a second ([`Flags::reload`] runs that often). A flag that nobody set is off.

mod ask;
pub mod change;
pub mod read;
pub(crate) mod rows;

pub use ask::{Flags, Rules};
pub use rows::Flag;
