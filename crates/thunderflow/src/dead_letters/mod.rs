//! Events that a consumer gave up: kept, looked at, replayed or dropped.
//!
//! A letter waits until somebody replays or drops it. A replay makes all letters of that consumer about that thing due;
//! the relay hands them over in the order of their events, before anything newer about the thing.

pub mod drop;
mod port;
pub mod read;
pub mod replay;
pub(crate) mod rows;

pub use rows::{DeadLetter, LetterState};
