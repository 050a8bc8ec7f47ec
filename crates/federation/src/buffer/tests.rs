use proptest::prelude::*;
use thunderline_core::Timestamp;

use super::*;

const BUFFER: Buffer = Buffer { size: 3, max_staleness: 2, max_concurrency: 5 };

fn running() -> RoundState {
    RoundState::Running { deadline: None }
}

fn at(round: u32, state: &RoundState, taken: u32, waiting: u32) -> Filling<'_> {
    Filling { round, state, taken, waiting }
}

#[test]
fn a_buffer_with_room_takes_an_update_and_says_how_stale_it_is() {
    let running = running();
    assert_eq!(place(&BUFFER, 9, &at(4, &running, 2, 0), 3), Place::Taken { staleness: 0 });
    assert_eq!(place(&BUFFER, 9, &at(4, &running, 0, 0), 1), Place::Taken { staleness: 2 });
}

#[test]
fn too_stale_an_update_is_refused_with_the_reason() {
    let Place::Refused(reason) = place(&BUFFER, 9, &at(4, &running(), 0, 0), 0) else { panic!("taken") };
    assert_eq!(
        reason,
        "the update is stale: it began from version 0 of the model, 3 before version 3; at most 2 are allowed"
    );
}

#[test]
fn what_no_buffer_can_take_waits_unless_it_would_be_stale_by_then() {
    for full in [running(), RoundState::Aggregating, RoundState::Completed] {
        assert_eq!(place(&BUFFER, 9, &at(4, &full, 3, 0), 2), Place::Waits, "{full:?}");
        assert!(matches!(place(&BUFFER, 9, &at(4, &full, 3, 0), 1), Place::Refused(_)), "{full:?}");
        // Three wait already, so it will be in the buffer after the next.
        assert!(matches!(place(&BUFFER, 9, &at(4, &full, 3, 3), 2), Place::Refused(_)), "{full:?}");
    }
    for before in [RoundState::Selecting, RoundState::Failed { reason: "x".into() }] {
        assert_eq!(place(&BUFFER, 9, &at(4, &before, 0, 0), 1), Place::Waits, "{before:?}");
    }
}

#[test]
fn nothing_waits_for_a_buffer_that_will_never_be() {
    for waiting in [0, 2] {
        let filling = at(9, &RoundState::Aggregating, 3, waiting);
        let Place::Refused(reason) = place(&BUFFER, 9, &filling, 8) else { panic!("it waits") };
        assert_eq!(reason, "the buffer of round 9, the last one, is full");
    }
}

proptest! {
    #[test]
    fn no_update_is_ever_staler_than_allowed_and_no_buffer_fuller(
        size in 1u32..6, most in 0u32..4, later in 0u32..12, version in 0u32..12, rest in 0u32..3,
        taken in 0u32..7, waiting in 0u32..20, which in 0usize..6,
    ) {
        let moment = Timestamp::UNIX_EPOCH;
        let state = [
            RoundState::Selecting, running(), RoundState::Aggregating,
            RoundState::Evaluating { deadline: moment }, RoundState::Completed,
            RoundState::TimedOut { reason: "x".into() },
        ][which].clone();
        let (round, rounds) = (version + 1 + later, version + 1 + later + rest);
        let buffer = Buffer { size, max_staleness: most, max_concurrency: 1 };
        match place(&buffer, rounds, &at(round, &state, taken, waiting), version) {
            Place::Taken { staleness } => {
                prop_assert!(staleness <= most && staleness == round - 1 - version);
                prop_assert!(taken < size && which == 1);
            }
            Place::Waits => prop_assert!(which != 1 || taken >= size),
            Place::Refused(reason) => prop_assert!(!reason.is_empty()),
        }
    }
}
