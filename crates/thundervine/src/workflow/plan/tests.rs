//! Plans, and what holds for every way that an execution can go.

use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::workflow::{
    definition::Compensation,
    state::{ExecutionEvent, NodeEvent},
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn node(name: &str, needs: &[&str], undoable: bool) -> Node {
    Node {
        name: name.into(),
        action: "a".into(),
        input: Map::new(),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        compensate: undoable.then(|| Compensation { action: "u".into(), input: Map::new() }),
        retries: 1,
        timeout: Some(100),
    }
}

/// a → b, a → c, (b, c) → d; all but c can be undone.
fn diamond() -> View {
    let nodes = vec![
        node("a", &[], true),
        node("b", &["a"], true),
        node("c", &["a"], false),
        node("d", &["b", "c"], true),
    ];
    let fresh =
        NodeView { state: NodeState::Pending, begun: None, deadline: None, effect: false, outcome: None };
    let definition =
        Definition { name: "x".into(), description: String::new(), inputs: Default::default(), nodes };
    View {
        id: ExecutionId(Uuid::from_u128(1)),
        state: ExecutionState::Running,
        definition: Arc::new(definition),
        nodes: vec![fresh; 4],
    }
}

fn done(view: &mut View, node: usize, begun: u32) {
    view.nodes[node] =
        NodeView { state: NodeState::Done, begun: Some(begun), effect: true, ..view.nodes[node].clone() };
}

#[test]
fn a_node_begins_when_all_that_it_needs_is_done() {
    let mut view = diamond();
    assert_eq!(next(&view, at(0)), [Step::Begin(0)]);
    done(&mut view, 0, 1);
    assert_eq!(next(&view, at(0)), [Step::Begin(1), Step::Begin(2)]);
    done(&mut view, 1, 2);
    view.nodes[2].state = NodeState::Waiting { attempt: 1, generation: 1, until: None };
    assert_eq!(next(&view, at(0)), []);
    done(&mut view, 2, 3);
    assert_eq!(next(&view, at(0)), [Step::Begin(3)]);
    done(&mut view, 3, 4);
    assert_eq!(next(&view, at(0)), [Step::Complete]);
}

#[test]
fn a_wait_ends_by_its_time_its_outcome_or_its_deadline() {
    let mut view = diamond();
    view.nodes[0].state = NodeState::Waiting { attempt: 1, generation: 1, until: Some(at(10)) };
    assert_eq!((next(&view, at(9)), wake(&view, at(9))), (vec![], Some(at(10))));
    assert_eq!(next(&view, at(10)), [Step::Finish(0, Map::new())]);
    view.nodes[0].state = NodeState::Waiting { attempt: 1, generation: 1, until: None };
    view.nodes[0].deadline = Some(at(100));
    assert_eq!((next(&view, at(99)), wake(&view, at(99))), (vec![], Some(at(100))));
    let [Step::Failed { reason, again: None, .. }] = &next(&view, at(100))[..] else { panic!("it is late") };
    assert!(reason.contains("100 seconds"), "{reason}");
    let bad = Outcome { good: false, again: true, reason: Some("bad".into()), outputs: Map::new() };
    view.nodes[0].outcome = Some(bad.clone());
    let failed = |again| Step::Failed { node: 0, reason: "bad".into(), again };
    assert_eq!(next(&view, at(5)), [failed(Some(at(6)))], "it is tried again");
    view.nodes[0].state = NodeState::Waiting { attempt: 2, generation: 2, until: None };
    assert_eq!(next(&view, at(5)), [failed(None)], "but not for ever");
    view.nodes[0].outcome = Some(Outcome { good: true, ..bad });
    assert_eq!(next(&view, at(500)), [Step::Finish(0, Map::new())], "what is done is not late");
}

#[test]
fn a_failure_undoes_what_was_done_in_reverse_order_one_at_a_time() {
    let mut view = diamond();
    done(&mut view, 0, 1);
    done(&mut view, 2, 2);
    done(&mut view, 1, 3);
    view.nodes[3].state = NodeState::Failed { reason: "no".into() };
    assert_eq!(next(&view, at(0)), [Step::Fail("node d failed: no".into())]);
    view.state = ExecutionState::Failing { reason: "no".into() };
    assert_eq!(
        next(&view, at(0)),
        [Step::BeginUndo(1)],
        "d had no effect, c cannot be undone, b began after a"
    );
    view.nodes[1].state = NodeState::UndoRetrying { attempt: 2, at: at(5) };
    assert_eq!((next(&view, at(4)), wake(&view, at(4))), (vec![], Some(at(5))));
    assert_eq!(next(&view, at(5)), [Step::BeginUndo(1)]);
    view.nodes[1].state = NodeState::Undoing { attempt: 2 };
    assert_eq!(next(&view, at(5)), [Step::Undo(1)]);
    view.nodes[1].state = NodeState::Stuck { reason: "stuck".into() };
    assert_eq!(next(&view, at(5)), [Step::BeginUndo(0)], "the others are undone all the same");
    view.nodes[0].state = NodeState::Undone;
    assert_eq!(next(&view, at(5)), [Step::Halt("node b could not be undone: stuck".into())]);
    view.nodes[1].state = NodeState::Undone;
    assert_eq!(next(&view, at(5)), [Step::End]);
}

#[test]
fn an_uncertain_effect_is_settled_before_anything_is_undone() {
    let mut view = diamond();
    view.state = ExecutionState::Cancelling { reason: "enough".into() };
    done(&mut view, 0, 1);
    view.nodes[1] = NodeView {
        state: NodeState::Started { attempt: 1, generation: 1 },
        begun: Some(2),
        ..view.nodes[1].clone()
    };
    view.nodes[2].state = NodeState::Started { attempt: 1, generation: 1 };
    assert_eq!(next(&view, at(0)), [Step::Run(1), Step::Skip(2), Step::Skip(3)]);
    view.nodes[2].state = NodeState::Skipped;
    view.nodes[3].state = NodeState::Skipped;
    view.nodes[1].state = NodeState::Retrying { attempt: 2, generation: 1, at: at(3), anew: false };
    assert_eq!(next(&view, at(2)), [], "it waits for its turn");
    assert_eq!(next(&view, at(3)), [Step::Begin(1)]);
    view.nodes[1].state = NodeState::Retrying { attempt: 2, generation: 2, at: at(3), anew: true };
    assert_eq!(next(&view, at(2)), [Step::Skip(1)], "the effect before has ended, the next has not begun");
    view.nodes[1].state = NodeState::Waiting { attempt: 1, generation: 1, until: None };
    assert_eq!(next(&view, at(2)), [Step::BeginUndo(1)], "what is under way is undone");
}

/// What the world answers when an action is asked for.
#[derive(Clone, Copy, Debug)]
enum World {
    Done,
    Waits,
    Fails,
    Passing,
}

proptest! {
    /// Carried out against a world that answers anything, an execution ends; what began after everything that it needs is
    /// undone before all that; and each node is undone at most once.
    #[test]
    fn every_execution_ends_and_is_undone_in_reverse(
        answers in prop::collection::vec(prop_oneof![
            4 => Just(World::Done), 2 => Just(World::Waits), 1 => Just(World::Fails), 1 => Just(World::Passing),
        ], 1..60),
        cancel_at in 0..60usize,
    ) {
        let (mut view, mut now, mut answer, mut begun) = (diamond(), at(0), 0, 0);
        let (mut order, mut undone, mut steps_done) = (Vec::new(), Vec::new(), 0);
        while !view.state.is_over() {
            prop_assert!(steps_done < 1_000, "it never ends: {view:?}");
            if steps_done == cancel_at && view.state == ExecutionState::Running {
                view.state = view.state.clone().apply(ExecutionEvent::Cancelled { reason: "c".into() }).unwrap();
            }
            let steps = next(&view, now);
            if steps.is_empty() {
                // Whoever waits for something gets it, or its time comes.
                let waits = view.nodes.iter_mut().find(|node| {
                    matches!(node.state, NodeState::Waiting { until: None, .. }) && node.outcome.is_none()
                });
                match waits {
                    Some(node) => {
                        let good = answer % 3 != 0;
                        node.outcome =
                            Some(Outcome { good, again: true, reason: None, outputs: Map::new() });
                    }
                    None => now = wake(&view, now).expect("something is left to wait for"),
                }
                answer += 1;
                steps_done += 1;
                continue;
            }
            for step in steps {
                steps_done += 1;
                let turn = |view: &mut View, node: usize, event| {
                    let state = view.nodes[node].state.clone().apply(event).unwrap();
                    view.nodes[node].state = state;
                };
                match step {
                    Step::Begin(node) => {
                        for need in &view.definition.nodes[node].needs {
                            let place = view.definition.nodes.iter().position(|it| it.name == *need).unwrap();
                            prop_assert!(view.nodes[place].begun.is_some());
                        }
                        turn(&mut view, node, NodeEvent::Began);
                        if view.nodes[node].begun.is_none() {
                            begun += 1;
                            view.nodes[node].begun = Some(begun);
                            order.push(node);
                        }
                        view.nodes[node].outcome = None;
                    }
                    Step::Run(node) => {
                        let world = answers[answer % answers.len()];
                        answer += 1;
                        let attempt = view.nodes[node].state.attempt();
                        let event = match world {
                            World::Done => NodeEvent::Completed,
                            World::Waits => NodeEvent::Waits { until: None },
                            World::Passing if attempt <= 1 => NodeEvent::Retried { at: at(now.as_second() + 1), anew: false },
                            World::Fails | World::Passing => NodeEvent::Failed { reason: "f".into() },
                        };
                        view.nodes[node].effect |= matches!(world, World::Done | World::Waits);
                        turn(&mut view, node, event);
                    }
                    Step::Finish(node, _) => turn(&mut view, node, NodeEvent::Completed),
                    Step::Failed { node, reason, again } => turn(&mut view, node, match again {
                        Some(at) => NodeEvent::Retried { at, anew: true },
                        None => NodeEvent::Failed { reason },
                    }),
                    Step::Skip(node) => turn(&mut view, node, NodeEvent::Skipped),
                    Step::BeginUndo(node) => turn(&mut view, node, NodeEvent::UndoBegan),
                    Step::Undo(node) => {
                        undone.push(node);
                        turn(&mut view, node, NodeEvent::Undone);
                    }
                    Step::Complete => view.state = view.state.clone().apply(ExecutionEvent::Completed).unwrap(),
                    Step::Fail(reason) => view.state = view.state.clone().apply(ExecutionEvent::Failed { reason }).unwrap(),
                    Step::End => view.state = view.state.clone().apply(ExecutionEvent::Undone).unwrap(),
                    Step::Halt(reason) => view.state = view.state.clone().apply(ExecutionEvent::Stuck { reason }).unwrap(),
                }
            }
        }
        let reversed: Vec<_> = order.iter().rev().copied().filter(|node| undone.contains(node)).collect();
        prop_assert_eq!(&undone, &reversed);
        if view.state == ExecutionState::Completed {
            prop_assert!(undone.is_empty());
        }
        for (node, at) in view.definition.nodes.iter().zip(&view.nodes) {
            let left = node.compensate.is_some() && at.state == NodeState::Done;
            prop_assert!(view.state == ExecutionState::Completed || !left, "{} was not undone", node.name);
        }
    }
}
