//! Definitions: what is accepted, and everything that is wrong at once.

use std::sync::Arc;

use futures::future::BoxFuture;
use proptest::prelude::*;
use serde_json::{Map, Value};
use thunderline_core::{Cx, Problem, Result};

use super::*;
use crate::workflow::catalogue::{ActionSpec, Field, Kind, Output, Ran, StepAction};

struct Fake;

const FAKE: ActionSpec = ActionSpec {
    name: "fake.make",
    summary: "Makes something.",
    input: &[
        Field { name: "what", kind: Kind::Text, required: true, help: "what to make" },
        Field { name: "spec", kind: Kind::Document, required: false, help: "how" },
    ],
    outputs: &[Output { name: "id", sample: "7" }, Output { name: "sha256", sample: "00ff" }],
};

impl StepAction for Fake {
    fn spec(&self) -> &'static ActionSpec {
        &FAKE
    }

    fn check(&self, input: &Map<String, Value>) -> Vec<Problem> {
        let bad = input.get("what").is_some_and(|what| what == "nonsense");
        let problem =
            Problem { path: "what".into(), reason: "nobody makes that".into(), allowed: "things".into() };
        bad.then_some(problem).into_iter().collect()
    }

    fn run(&self, _: Cx, _: String, _: Map<String, Value>) -> BoxFuture<'static, Result<Ran>> {
        Box::pin(std::future::ready(Ok(Ran::Done(Map::new()))))
    }
}

fn catalogue() -> Catalogue {
    Catalogue::new(vec![Arc::new(Fake)])
}

fn problems(text: &str) -> Vec<(String, String)> {
    let error = Definition::parse(text, &catalogue()).unwrap_err();
    assert!(error.problems().iter().all(|problem| !problem.reason.is_empty() && !problem.allowed.is_empty()));
    error.problems().iter().map(|problem| (problem.path.clone(), problem.reason.clone())).collect()
}

const GOOD: &str = "
name: two-steps
description: Makes two things.
inputs:
  colour: red
  size: { description: how large }
nodes:
  last:
    action: note
    needs: [second]
    input: { message: 'made ${first.id} and ${second.id}' }
  second:
    action: fake.make
    input: { what: '${first.sha256}', spec: { colour: '${input.colour}' } }
    compensate: { action: fake.make, input: { what: 'not ${second.id} of ${first.id}' } }
    timeout: 2h
  first:
    action: fake.make
    retries: 0
    input: { what: '${input.size}' }
";

#[test]
fn nodes_stand_in_order_and_references_are_dependencies() {
    let definition = Definition::parse(GOOD, &catalogue()).unwrap();
    let names: Vec<_> = definition.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["first", "second", "last"]);
    assert_eq!(definition.nodes[1].needs, ["first"]);
    assert_eq!(definition.nodes[2].needs, ["first", "second"]);
    assert_eq!((definition.nodes[1].timeout, definition.nodes[1].retries), (Some(7_200), 2));
    assert_eq!(definition.inputs["colour"].default, Some("red".into()));
}

#[test]
fn the_same_meaning_has_the_same_digest_however_it_is_written() {
    let one = Definition::parse(GOOD, &catalogue()).unwrap();
    let json = serde_json::json!({
        "inputs": {"size": {"description": "how large"}, "colour": {"default": "red"}},
        "description": "Makes two things.", "name": "two-steps",
        "nodes": {
            "first": {"input": {"what": "${input.size}"}, "action": "fake.make", "retries": 0},
            "second": {
                "action": "fake.make", "needs": "first", "timeout": 7200, "retries": 2,
                "input": {"spec": {"colour": "${input.colour}"}, "what": "${first.sha256}"},
                "compensate": {"input": {"what": "not ${second.id} of ${first.id}"}, "action": "fake.make"},
            },
            "last": {"action": "note", "needs": ["second", "first"],
                "input": {"message": "made ${first.id} and ${second.id}"}},
        },
    });
    let two = Definition::parse(&json.to_string(), &catalogue()).unwrap();
    assert_eq!(one.digest(), two.digest());
    let other = Definition::parse(&GOOD.replace("red", "blue"), &catalogue()).unwrap();
    assert_ne!(one.digest(), other.digest());
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let wrong = "
name: Wrong Name
colour: red
nodes:
  a:
    action: fake.make
    needs: [nobody]
    retries: 101
    timeout: soon
    input: { what: '${a.id}', how: 1 }
  b:
    action: fake.unmake
    input: { x: '${input.missing} ${c.colour} ${odd}' }
    compensate: { action: approve, input: { question: '${c.id}' } }
  c: { action: fake.make, input: { what: nonsense } }
  d: { action: wait }
  e: { action: wait, input: { for: soon }, needs: f }
  f: { action: note, input: { message: x }, needs: e, extra: 1 }
  g: { action: note, input: { message: x }, needs: f }
";
    let told: Vec<_> =
        problems(wrong).into_iter().map(|(path, reason)| format!("{path}: {reason}")).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn documents_that_are_no_workflow_are_refused() {
    for (text, path) in [
        ("- a\n- b\n", ""),
        ("name: [\n", "line 2, column 1"),
        ("name: x\nname: y\nnodes: {}\n", "line 2, column 1"),
        ("name: x\nnodes: {a: {action: b, input: {c: [.nan]}}}\n", ""),
    ] {
        let error = Definition::parse(text, &catalogue()).unwrap_err();
        assert_eq!(error.code(), "invalid", "{text}");
        assert!(error.problems()[0].path.starts_with(&path[..path.len().min(4)]), "{text}: {error:?}");
    }
    let long = format!("name: x # {}\n", "x".repeat(300_000));
    assert_eq!(Definition::parse(&long, &catalogue()).unwrap_err().code(), "too_large");
    let two = problems("name: x\nnodes: {}\n");
    assert_eq!(two[0].0, "nodes");
}

proptest! {
    /// Any graph of up to eight nodes: either it has a cycle and is refused with a reason for each node that can never begin,
    /// or each node stands after all that it needs.
    #[test]
    fn an_order_exists_exactly_where_there_is_no_cycle(edges in prop::collection::vec((0..8usize, 0..8usize), 0..20)) {
        let mut text = String::from("name: x\nnodes:\n");
        for node in 0..8 {
            let needs: Vec<_> = edges.iter().filter(|(from, _)| *from == node).map(|(_, to)| format!("n{to}")).collect();
            text.push_str(&format!("  n{node}: {{ action: note, input: {{ message: x }}, needs: [{}] }}\n", needs.join(", ")));
        }
        // Reachability by squaring: an independent way to find cycles.
        let mut reaches = [[false; 8]; 8];
        for (from, to) in &edges { reaches[*from][*to] = true; }
        for via in 0..8 { for from in 0..8 { for to in 0..8 {
            reaches[from][to] |= reaches[from][via] && reaches[via][to];
        }}}
        let never = |node: usize| reaches[node][node] || (0..8).any(|other| reaches[node][other] && reaches[other][other]);
        match Definition::parse(&text, &catalogue()) {
            Ok(definition) => {
                prop_assert!((0..8).all(|node| !never(node)));
                for (place, node) in definition.nodes.iter().enumerate() {
                    for need in &node.needs {
                        prop_assert!(definition.nodes[..place].iter().any(|other| other.name == *need));
                    }
                }
            }
            Err(error) => {
                let told: Vec<_> = error.problems().iter().map(|problem| problem.path.clone()).collect();
                let wanted: Vec<_> = (0..8).filter(|node| never(*node)).map(|node| format!("nodes.n{node}.needs")).collect();
                prop_assert_eq!(told, wanted);
            }
        }
    }
}
