//! Where updates wait for each other when clients are not asked in rounds (`fedbuff`): what becomes of one that came in. Pure.
//!
//! A round is the filling of one buffer. Round r begins from version r − 1 of the model and makes version r. A lease is issued on
//! the version of the round that is being filled, and may end in a later one: its staleness is how many versions that is later.
//! An update that comes while no buffer can take it (the last one is full and becomes a model) waits for the next. New leases are
//! issued only while a buffer has room, so no more than `buffer_size + max_concurrency` updates ever wait on the disk.

use thunderline_numerics::strategy::Buffer;

use crate::state::RoundState;

/// Where the newest round stands.
#[derive(Clone, Debug)]
pub struct Filling<'a> {
    /// Its number, from 1.
    pub round: u32,
    /// Its state.
    pub state: &'a RoundState,
    /// How many updates its buffer has taken.
    pub taken: u32,
    /// How many accepted updates wait for a buffer.
    pub waiting: u32,
}

/// What becomes of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The newest round's buffer takes it.
    Taken {
        /// By how many versions the buffer's model is newer than the update's.
        staleness: u32,
    },
    /// A later buffer will take it.
    Waits,
    /// It is not counted.
    Refused(String),
}

/// What becomes of an update that began from this version, in a federation of so many rounds.
#[must_use]
pub fn place(buffer: &Buffer, rounds: u32, filling: &Filling<'_>, version: u32) -> Place {
    let has_room = matches!(filling.state, RoundState::Running { .. }) && filling.taken < buffer.size;
    let round = if has_room { filling.round } else { next_buffer(filling) + filling.waiting / buffer.size };
    if round > rounds {
        return Place::Refused(format!("the buffer of round {rounds}, the last one, is full"));
    }
    let (staleness, most) = (staleness(round, version), buffer.max_staleness);
    if staleness > most {
        let newest = round - 1;
        return Place::Refused(format!(
            "the update is stale: it began from version {version} of the model, {staleness} before version {newest}; at most \
             {most} are allowed"
        ));
    }
    if has_room { Place::Taken { staleness } } else { Place::Waits }
}

/// By how many versions the model of this round is newer.
#[must_use]
pub fn staleness(round: u32, version: u32) -> u32 {
    (round - 1).saturating_sub(version)
}

/// The number of the first round whose buffer takes updates that wait.
fn next_buffer(filling: &Filling<'_>) -> u32 {
    match filling.state {
        RoundState::Selecting | RoundState::Failed { .. } | RoundState::TimedOut { .. } => filling.round,
        RoundState::Running { .. }
        | RoundState::Aggregating
        | RoundState::Evaluating { .. }
        | RoundState::Completed => filling.round + 1,
    }
}

#[cfg(test)]
mod tests;
