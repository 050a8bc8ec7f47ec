//! The machines as tables, and what holds for every sequence of events.

use proptest::prelude::*;
use thunderline_core::Timestamp;

use super::*;

fn at() -> Timestamp {
    Timestamp::from_second(1).unwrap()
}

fn executions() -> Vec<ExecutionState> {
    let reason = String::from("r");
    vec![
        ExecutionState::Running,
        ExecutionState::Failing { reason: reason.clone() },
        ExecutionState::Cancelling { reason: reason.clone() },
        ExecutionState::Completed,
        ExecutionState::Failed { reason: reason.clone() },
        ExecutionState::Cancelled { reason: reason.clone() },
        ExecutionState::Halted { reason },
    ]
}

fn execution_events() -> Vec<ExecutionEvent> {
    let reason = String::from("r");
    vec![
        ExecutionEvent::Completed,
        ExecutionEvent::Failed { reason: reason.clone() },
        ExecutionEvent::Cancelled { reason: reason.clone() },
        ExecutionEvent::Undone,
        ExecutionEvent::Stuck { reason },
    ]
}

fn nodes() -> Vec<NodeState> {
    let (attempt, generation, reason) = (1, 1, String::from("r"));
    vec![
        NodeState::Pending,
        NodeState::Started { attempt, generation },
        NodeState::Waiting { attempt, generation, until: None },
        NodeState::Retrying { attempt: 2, generation, at: at(), anew: false },
        NodeState::Done,
        NodeState::Failed { reason: reason.clone() },
        NodeState::Skipped,
        NodeState::Undoing { attempt },
        NodeState::UndoRetrying { attempt: 2, at: at() },
        NodeState::Undone,
        NodeState::Stuck { reason },
    ]
}

fn node_events() -> Vec<NodeEvent> {
    let reason = String::from("r");
    vec![
        NodeEvent::Began,
        NodeEvent::Waits { until: None },
        NodeEvent::Completed,
        NodeEvent::Retried { at: at(), anew: false },
        NodeEvent::Failed { reason: reason.clone() },
        NodeEvent::Skipped,
        NodeEvent::UndoBegan,
        NodeEvent::Undone,
        NodeEvent::UndoRetried { at: at() },
        NodeEvent::UndoFailed { reason },
    ]
}

#[test]
fn the_machines_are_the_documented_ones() {
    let mut text = String::from("## Execution\n\n```mermaid\nstateDiagram-v2\n");
    for state in executions() {
        for event in execution_events() {
            if let Ok(to) = state.clone().apply(event.clone()) {
                text.push_str(&format!("    {} --> {}: {}\n", state.name(), to.name(), event.name()));
            }
        }
    }
    text.push_str("```\n\n## Node\n\n```mermaid\nstateDiagram-v2\n");
    for state in nodes() {
        for event in node_events() {
            if let Ok(to) = state.clone().apply(event.clone()) {
                text.push_str(&format!("    {} --> {}: {}\n", state.name(), to.name(), event.name()));
            }
        }
    }
    text.push_str("```\n");
    insta::assert_snapshot!(text);
}

#[test]
fn every_state_survives_being_stored() {
    for state in executions() {
        let parts = (state.name(), state.reason().map(String::from));
        assert_eq!(ExecutionState::from_parts(parts.0, parts.1).as_ref(), Some(&state));
    }
    for state in nodes() {
        let stored = NodeState::from_parts(
            state.name(),
            state.attempt(),
            state.generation(),
            state.at(),
            state.is_anew(),
            state.reason().map(String::from),
        );
        assert_eq!(stored.as_ref(), Some(&state));
    }
}

proptest! {
    #[test]
    fn an_execution_that_is_over_stays_over(events in prop::collection::vec(0..5usize, 0..40)) {
        let mut state = ExecutionState::Running;
        for event in events {
            if let Ok(next) = state.clone().apply(execution_events()[event].clone()) {
                prop_assert!(!state.is_over());
                state = next;
            }
        }
    }

    #[test]
    fn a_node_is_undone_at_most_once_and_never_done_again_afterwards(
        events in prop::collection::vec(0..10usize, 0..60),
    ) {
        let (mut state, mut undone) = (NodeState::Pending, 0);
        for event in events {
            if let Ok(next) = state.clone().apply(node_events()[event].clone()) {
                undone += u32::from(next == NodeState::Undone);
                prop_assert!(undone == 0 || next == NodeState::Undone);
                state = next;
            }
        }
        prop_assert!(undone <= 1);
    }
}
