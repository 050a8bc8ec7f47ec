//! What must hold, in prose first.
//!
//! **Always**, after every operation:
//! 1. An update counts exactly once: the model of a round is the mean of the replies of its released training leases, each
//!    of which its node made for that very task; and no lease is released after the model stands ([`training`]).
//! 2. A lease ends once and stays as it ended; a round ends once, has at most one model, and has no open lease when it is
//!    over; a federation that is over stays so. Rounds are numbered without gaps, one attempt after the other, one at a time
//!    ([`training`]).
//! 3. What happened is told exactly once: as many events of each kind as the rows say. Events are only added; those that a
//!    consumer has heard are those up to its cursor, in order; its projection is what they add up to ([`telling`]).
//! 4. Of jobs of one name and key, one waits and one runs at most. Who lost a claim can neither end the job nor leave an
//!    effect ([`queue`], [`telling::effects`]).
//! 5. Thunderlink says of a node what its requests say: there, gone, or silent for too long ([`presence`]).
//! 6. What a client was told stands: a federation it got the id of exists, a key gives one federation, a reply that was
//!    taken ends its lease, a task that was given is claimed ([`promises`]).
//! 7. Every step in a domain's life is written down and told once, in order ([`mesh`]).
//! 8. A refused request leaves nothing behind (checked where the request is made).
//!
//! **When everything was settled**: no federation has a step left to do ([`training::idle`]).
//!
//! **At the end**, once nothing fails any more, all nodes are there and time has passed ([`end`]): every federation that is
//! not paused is over, every wish granted, every event heard, nothing waits, and no uploads are left.

pub(crate) mod end;
pub(crate) mod mesh;
pub(crate) mod presence;
pub(crate) mod promises;
pub(crate) mod queue;
pub(crate) mod telling;
pub(crate) mod training;

use thunderline_core::Timestamp;

use crate::{facts::Facts, model::Model};

/// A broken law, in words.
pub type Broken = String;

/// Fails with the words where the condition does not hold.
macro_rules! law {
    ($holds:expr, $($words:tt)*) => {
        if !$holds {
            return Err(format!($($words)*));
        }
    };
}
pub(crate) use law;

/// Everything that holds at every moment, given what was the case a moment before.
pub(crate) fn always(model: &mut Model, before: &Facts, after: &Facts, now: Timestamp) -> Result<(), Broken> {
    training::leases(before, after)?;
    training::rounds(before, after)?;
    training::federations(before, after)?;
    telling::events(before, after)?;
    telling::told_once(after)?;
    telling::heard(after)?;
    telling::effects(after)?;
    queue::jobs(model, before, after)?;
    mesh::steps(after)?;
    seen_from_outside(model, after, now)
}

/// What can break although no row has changed.
pub(crate) fn seen_from_outside(model: &mut Model, facts: &Facts, now: Timestamp) -> Result<(), Broken> {
    presence::nodes(model, facts, now)?;
    promises::kept(model, facts, now)
}
