//! What made a model, and why, as people ask for it.

use super::{
    group::Group,
    model::Uniform,
    node::start_runner,
    server::Server,
    wait::{LONG, wait_for},
};

/// A runner whose trainer gives back the model that it was given, and claims that many examples.
pub fn echo(server: &Server, name: &str, examples: u32, tags: &[&str]) -> Group {
    let script = server.folder().join(format!("{name}.sh"));
    let text = format!(
        "line=$(cat)
in=$(printf '%s' \"$line\" | sed -n 's|.*\"input_model\":\"\\([^\"]*\\)\".*|\\1|p')
out=$(printf '%s' \"$line\" | sed -n 's|.*\"output_model\":\"\\([^\"]*\\)\".*|\\1|p')
cp \"$in\" \"$out\" && echo '{{\"num_examples\": {examples}}}'
"
    );
    std::fs::write(&script, text).unwrap();
    let command = format!("echo=/bin/sh {}", script.display());
    let mut arguments = vec!["--command", command.as_str()];
    for tag in tags {
        arguments.extend(["--tag", tag]);
    }
    start_runner(server, name, &arguments)
}

#[test]
fn a_finished_model_tells_what_made_it_and_every_decision_on_the_way() {
    let server = Server::start();
    Uniform::new().write(&server.folder().join("initial.safetensors"), 0.5);
    let _runners = [
        echo(&server, "north", 10, &["lab"]),
        echo(&server, "south", 30, &["lab"]),
        echo(&server, "other", 1, &[]),
    ];
    server.wait_for_nodes(3, LONG);
    let federation = server.submit(
        "name: explained
model_ref: initial.safetensors
app: { command: { name: echo } }
client_selector: { tags: [lab] }
num_rounds: 2
min_clients: 2
seed: 7
evaluation: { federated: false }
",
    );
    server.wait_until_completed(&federation, LONG);
    let models = server.models(&federation);
    let last = models.last().unwrap()["id"].as_str().unwrap().to_owned();

    // Projections follow the events; they are there soon, not at once.
    let lineage = wait_for("the lineage of the last model", LONG, || {
        let (status, bytes) = server.rest().get_bytes(&format!("/api/v1/lineage/{last}")).unwrap();
        let lineage: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        (status == 200 && lineage["steps"].as_array()?.len() == 3).then_some(lineage)
    });
    assert_eq!(lineage["truncated"], false);
    let steps = lineage["steps"].as_array().unwrap();
    for (step, number) in steps.iter().zip([2, 1]) {
        let made = &step["made_by"];
        assert_eq!((&step["origin"], &made["number"]), (&"trained".into(), &number.into()));
        assert_eq!(
            (&made["strategy"], &made["clients"], &made["seed"]),
            (&"fedavg".into(), &2.into(), &7.into())
        );
        assert_eq!(
            (&made["federation"], &made["federation_name"]),
            (&federation.as_str().into(), &"explained".into())
        );
        assert_eq!(made["spec_sha256"].as_str().map(str::len), Some(64));
        let parts: Vec<_> = made["updates"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| {
                (part["name"].as_str().unwrap(), part["num_examples"].as_f64(), part["share"].as_f64())
            })
            .collect();
        assert_eq!(parts, [("north", Some(10.0), Some(0.25)), ("south", Some(30.0), Some(0.75))]);
        assert!(made["updates"][0]["update_sha256"].as_str().is_some_and(|digest| digest.len() == 64));
    }
    assert_eq!((&steps[2]["origin"], &steps[2]["made_by"]), (&"brought".into(), &serde_json::Value::Null));
    let drawn = server.command(&["lineage", "show", &last, "--dot"]).output().unwrap();
    let drawn = String::from_utf8(drawn.stdout).unwrap();
    assert!(drawn.starts_with("digraph") && drawn.contains("north\\n10 examples"), "{drawn}");

    let told = wait_for("the last decision", LONG, || {
        let page = server.json(&["decisions", "list", "--federation", &federation]);
        let items = page["items"].as_array().unwrap().clone();
        items.last().is_some_and(|last| last["kind"] == "federation.steered").then_some(items)
    });
    let sentences: Vec<_> = told.iter().map(|decision| decision["summary"].as_str().unwrap()).collect();
    let chosen = sentences.iter().find(|sentence| sentence.starts_with("round 1: chosen")).unwrap();
    assert_eq!(
        *chosen,
        "round 1: chosen: drawn 2 of 2 eligible with seed 7: north, south; not eligible: other lacks the tag lab"
    );
    assert!(
        sentences.contains(&"round 1 is closed: all 2 updates that were wanted are in"),
        "{sentences:#?}"
    );
    let closed = told.iter().find(|decision| decision["kind"] == "round.closed").unwrap();
    let details = server.json(&["decisions", "show", closed["id"].as_str().unwrap()]);
    let because: Vec<_> =
        details["because"].as_array().unwrap().iter().map(|it| it["relation"].as_str().unwrap()).collect();
    assert_eq!(because, ["next", "counted", "counted"]);
    let trail = server.json(&["decisions", "trail", closed["trail"].as_str().unwrap()]);
    assert_eq!(trail["items"].as_array().unwrap().len(), told.len());
}
