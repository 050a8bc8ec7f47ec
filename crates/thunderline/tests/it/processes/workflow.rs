//! A workflow as people use it: two federations in sequence, a person in between, and kills.

use serde_json::Value;

use super::{
    explained::echo,
    model::Uniform,
    server::Server,
    wait::{LONG, wait_for},
};

const DOCUMENT: &str = "
name: two
inputs: { model: { description: the digest of the model to begin from } }
nodes:
  first:
    action: federation.submit
    input:
      spec:
        name: first
        model_ref: sha256:${input.model}
        app: { command: { name: echo } }
        num_rounds: 1
        min_clients: 1
        evaluation: { federated: false }
    compensate: { action: federation.cancel, input: { federation: '${first.federation}' } }
  look: { action: approve, input: { question: 'is ${first.sha256} good?' } }
  second:
    action: federation.submit
    needs: [look]
    input:
      spec:
        name: second
        model_ref: sha256:${first.sha256}
        app: { command: { name: echo } }
        client_selector: { tags: ['${input.tag}'] }
        num_rounds: 2
        min_clients: 1
        evaluation: { federated: false }
    compensate: { action: federation.cancel, input: { federation: '${second.federation}' } }
";

/// Defines the workflow and starts it from a model of one value. Gives the execution's id.
fn start(server: &Server, tag: &str) -> String {
    let file = server.folder().join("workflow.yaml");
    let document = DOCUMENT.replace("inputs: {", "inputs: { tag: any, ");
    std::fs::write(&file, &document).unwrap();
    let defined = server.json(&["workflows", "define", "-f", file.to_str().unwrap()]);
    assert_eq!((&defined["version"], defined["nodes"].as_array().map(Vec::len)), (&1.into(), Some(3)));
    // A model can be named once it is stored: a federation that is never to begin brings it.
    Uniform::new().write(&server.folder().join("initial.safetensors"), 0.5);
    let carrier = server.submit(
        "name: carrier
model_ref: initial.safetensors
app: { command: { name: nobody } }
num_rounds: 1
client_selector: { tags: [nowhere] }
evaluation: { federated: false }
",
    );
    server.json(&["federations", "cancel", &carrier]);
    let digest = server.federation(&carrier)["spec"]["model_ref"].as_str().unwrap().replace("sha256:", "");
    let (model, tag) = (format!("model=\"{digest}\""), format!("tag={tag}"));
    let started = server.json(&["workflows", "start", "two", "--input", &model, "--input", &tag]);
    started["id"].as_str().unwrap().to_owned()
}

fn wait_for_node(server: &Server, execution: &str, node: &str, state: &str) -> Value {
    wait_for(&format!("{node} to be {state}"), LONG, || {
        let (status, bytes) = server.rest().get_bytes(&format!("/api/v1/executions/{execution}")).ok()?;
        assert_eq!(status, 200);
        let shown: Value = serde_json::from_slice(&bytes).unwrap();
        let nodes = shown["nodes"].as_array().unwrap();
        let found = nodes.iter().find(|it| it["name"] == node).unwrap();
        (found["state"] == state).then(|| shown.clone())
    })
}

fn wait_until(server: &Server, execution: &str, state: &str) -> Value {
    wait_for(&format!("the execution to be {state}"), LONG, || {
        let shown = server.json(&["workflows", "show", execution]);
        (shown["state"] == state).then_some(shown)
    })
}

#[test]
fn the_second_federation_begins_from_the_firsts_model_though_the_server_is_killed_in_between() {
    let mut server = Server::start();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/workflow.yaml");
    let example = server.json(&["workflows", "define", "-f", example]);
    assert_eq!(example["nodes"].as_array().map(Vec::len), Some(4), "the example is accepted: {example}");
    let _runner = echo(&server, "north", 10, &["any"]);
    let id = start(&server, "any");
    server.kill();
    server.restart();
    let asked = wait_for_node(&server, &id, "look", "waiting");
    let question = asked["nodes"][1]["waits_for"].as_str().unwrap();
    assert!(question.starts_with("is ") && question.len() == "is  good?".len() + 64, "{question}");
    server.kill();
    server.restart();
    server.json(&["workflows", "approve", &id, "look", "--comment", "fine"]);
    let done = wait_until(&server, &id, "completed");
    let federation = |node: usize| done["nodes"][node]["outputs"]["federation"].as_str().unwrap().to_owned();
    let all = server.rest().list("/api/v1/federations");
    assert_eq!(all.len(), 3, "each federation was submitted once: {all:#?}");
    // Lineage goes back through both federations to what was brought.
    let artifact = done["nodes"][2]["outputs"]["artifact"].as_str().unwrap();
    // Lineage follows the events at its own pace.
    let lineage = wait_for("the whole lineage", LONG, || {
        let lineage = server.json(&["lineage", "show", artifact]);
        (lineage["steps"].as_array().map(Vec::len) == Some(4)).then_some(lineage)
    });
    let made: Vec<_> = lineage["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["made_by"]["federation"].clone())
        .collect();
    let (first, second) = (Value::from(federation(0)), Value::from(federation(2)));
    assert_eq!(made, [second.clone(), second, first, Value::Null]);
}

#[test]
fn a_refused_model_and_a_cancelled_execution_undo_what_was_begun() {
    let server = Server::start();
    let _runner = echo(&server, "north", 10, &["any"]);
    let id = start(&server, "nowhere");
    wait_for_node(&server, &id, "look", "waiting");
    server.json(&["workflows", "approve", &id, "look"]);
    let waiting = wait_for_node(&server, &id, "second", "waiting");
    let federation = waiting["nodes"][2]["outputs"]["federation"].as_str().unwrap().to_owned();
    server.json(&["workflows", "cancel", &id, "--reason", "enough"]);
    let over = wait_until(&server, &id, "cancelled");
    let states: Vec<_> = over["nodes"].as_array().unwrap().iter().map(|node| node["state"].clone()).collect();
    assert_eq!(states, ["undone", "done", "undone"]);
    assert_eq!(server.federation(&federation)["state"], "cancelled");
    assert_eq!(server.federation(&federation)["reason"], "a workflow was undone");
    let kept = server.json(&["workflows", "snapshot", &id]);
    assert_eq!(kept["sha256"].as_str().map(str::len), Some(64));
}
