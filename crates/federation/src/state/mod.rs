//! The state machines of the domain's resources.
//!
//! Each is an enum that carries what belongs to the state, and one pure function that consumes the old state and gives
//! the new one or refuses. Terminal states absorb nothing: every event in them is illegal.

mod federation;
mod lease;
mod round;

use thunderline_core::Error;

pub use federation::{FederationEvent, FederationState};
pub use lease::{LeaseEvent, LeaseState};
pub use round::{RoundEvent, RoundState};

/// A transition that does not exist, as the conflict that the caller sees.
fn illegal(what: &str, state: &str, event: &str) -> Error {
    Error::conflict(format!("a {what} that is {state} cannot be {event}"))
}

#[cfg(test)]
mod tests;
