//! The machines as tables, and what holds for every sequence of events.

use proptest::prelude::*;
use thunderline_core::Timestamp;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn rounds() -> Vec<RoundState> {
    let reason = String::from("r");
    vec![
        RoundState::Selecting,
        RoundState::Running { deadline: Some(at(1)) },
        RoundState::Aggregating,
        RoundState::Evaluating { deadline: at(1) },
        RoundState::Completed,
        RoundState::Failed { reason: reason.clone() },
        RoundState::TimedOut { reason },
    ]
}

fn round_events() -> Vec<RoundEvent> {
    let reason = String::from("r");
    vec![
        RoundEvent::Started { deadline: Some(at(1)) },
        RoundEvent::Closed,
        RoundEvent::EvaluationStarted { deadline: at(1) },
        RoundEvent::Completed,
        RoundEvent::Failed { reason: reason.clone() },
        RoundEvent::TimedOut { reason },
    ]
}

fn leases() -> Vec<LeaseState> {
    let reason = String::from("r");
    vec![
        LeaseState::Issued,
        LeaseState::Claimed,
        LeaseState::Released,
        LeaseState::Expired { reason: reason.clone() },
        LeaseState::Dropped { reason },
    ]
}

fn lease_events() -> Vec<LeaseEvent> {
    let reason = String::from("r");
    vec![
        LeaseEvent::Claimed,
        LeaseEvent::Released,
        LeaseEvent::Expired { reason: reason.clone() },
        LeaseEvent::Dropped { reason },
    ]
}

fn arrow(from: &str, event: &str, to: Option<&str>) -> Option<String> {
    to.map(|to| format!("    {from} --> {to}: {event}\n"))
}

#[test]
fn the_machines_are_the_documented_ones() {
    let mut text = String::from("## Federation\n\n```mermaid\nstateDiagram-v2\n");
    for state in FederationState::ALL {
        for event in FederationEvent::ALL {
            text.extend(arrow(
                state.name(),
                event.name(),
                state.apply(event).ok().map(FederationState::name),
            ));
        }
    }
    text.push_str("```\n\n## FLRound\n\n```mermaid\nstateDiagram-v2\n");
    for state in rounds() {
        for event in round_events() {
            let to = state.clone().apply(event.clone()).ok();
            text.extend(arrow(state.name(), event.name(), to.as_ref().map(RoundState::name)));
        }
    }
    text.push_str("```\n\n## ClientLease\n\n```mermaid\nstateDiagram-v2\n");
    for state in leases() {
        for event in lease_events() {
            let to = state.clone().apply(event.clone()).ok();
            text.extend(arrow(state.name(), event.name(), to.as_ref().map(LeaseState::name)));
        }
    }
    text.push_str("```\n");
    insta::assert_snapshot!(text);
}

#[test]
fn every_state_survives_being_stored() {
    for state in FederationState::ALL {
        assert_eq!(FederationState::named(state.name()), Some(state));
    }
    for state in rounds() {
        let parts = (state.name(), state.deadline(), state.reason().map(String::from));
        assert_eq!(RoundState::from_parts(parts.0, parts.1, parts.2).as_ref(), Some(&state));
    }
    for state in leases() {
        let parts = (state.name(), state.reason().map(String::from));
        assert_eq!(LeaseState::from_parts(parts.0, parts.1).as_ref(), Some(&state));
    }
}

proptest! {
    #[test]
    fn a_finished_federation_stays_as_it_is(events in prop::collection::vec(0..FederationEvent::ALL.len(), 0..40)) {
        let mut state = FederationState::Created;
        for event in events {
            match state.apply(FederationEvent::ALL[event]) {
                Ok(next) => {
                    prop_assert!(!state.is_over());
                    state = next;
                }
                Err(error) => prop_assert_eq!(error.code(), "conflict"),
            }
        }
    }

    #[test]
    fn a_lease_is_released_at_most_once(events in prop::collection::vec(0..4usize, 0..40)) {
        let (mut state, mut released) = (LeaseState::Issued, 0);
        for event in events {
            if let Ok(next) = state.clone().apply(lease_events()[event].clone()) {
                prop_assert!(state.is_open());
                released += u32::from(next == LeaseState::Released);
                state = next;
            }
        }
        prop_assert!(released <= 1);
    }

    #[test]
    fn a_round_that_is_over_stays_over(events in prop::collection::vec(0..6usize, 0..40)) {
        let mut state = RoundState::Selecting;
        for event in events {
            if let Ok(next) = state.clone().apply(round_events()[event].clone()) {
                prop_assert!(!state.is_over());
                state = next;
            }
        }
    }
}
