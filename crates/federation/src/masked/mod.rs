//! Secure aggregation within a round: `secure_agg` in a spec.
//!
//! The protocol is [`thunderline_secagg`]'s. Here its messages are kept and passed on: a training lease goes through five
//! exchanges ([`Exchange`]), in each of which a client says something and is told something. What is said is checked when it
//! comes ([`receive()`]) and lies in the round's area; an exchange that is over is closed in one step (`close`), which makes
//! the answers; in the end `unmask` goes through all that was kept and gives the mean. When to close is `plan`'s, a pure
//! function. Nothing is held in memory between two steps, so that a restarted server goes on where it was.
//!
//! What this domain holds of one client's update at any time: its sealed shares, its masked levels, and one share of
//! each neighbour's secrets. The mean is the first thing that can be read.

mod answer;
mod close;
mod exchange;
pub(crate) mod given;
mod place;
mod plan;
mod receive;
pub(crate) mod rows;
mod terms;
mod turn;
mod unmask;

pub use answer::{Told, told};
pub use exchange::Exchange;
pub use place::{Place, place};
pub use receive::{ACTION as SAY, receive};
pub use terms::{KEY, Terms};
pub use turn::Turn;

pub(crate) use close::{ACTION as CLOSE, close};
pub(crate) use plan::{Masked, collect};
pub(crate) use terms::{first_deadline, of_round};
pub(crate) use turn::{in_messages, of_lease};
pub(crate) use unmask::{Kept, Unmasked, unmask};

use thunderline_core::{Error, ErrorKind};
use thunderline_secagg::Refusal;

/// The name of the area with a round's messages.
pub(crate) fn area(round: thunderline_core::RoundId) -> String {
    format!("rounds/{round}/masked")
}

fn refused(refusal: &Refusal) -> Error {
    Error::new(ErrorKind::Invalid, format!("secure aggregation: {refusal}"))
}
