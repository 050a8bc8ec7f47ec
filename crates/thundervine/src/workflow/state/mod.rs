//! The state machines of executions and their nodes.
//!
//! Each is an enum that carries what belongs to the state, and one pure function that consumes the old state and gives the new
//! one or refuses.

mod execution;
mod node;

use thunderline_core::Error;

pub use execution::{ExecutionEvent, ExecutionState};
pub use node::{NodeEvent, NodeState};

/// A transition that does not exist, as the conflict that the caller sees.
fn illegal(what: &str, state: &str, event: &str) -> Error {
    Error::conflict(format!("{what} that is {state} cannot be {event}"))
}

#[cfg(test)]
mod tests;
