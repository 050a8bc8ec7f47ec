//! Commands against a real server.

use std::fs;

use serde_json::Value;

use crate::{
    processes::wait::wait_for,
    program::{Server, run},
};

const SPEC: &str = "# a comment\nname: first\nmodel_ref: builtin:softmax(4,2)\nnum_rounds: 3\n";

#[test]
fn exit_codes_are_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert_eq!(run(data, &["federations"]).0, 2, "usage");
    assert_eq!(run(data, &["federations", "list", "--server", "http://127.0.0.1:9"]).0, 5, "unreachable");
    assert_eq!(run(data, &["federations", "list", "--server", "https://x"]).0, 4, "refused");
    assert_eq!(run(data, &["federations", "submit", "-f", "/nowhere.yaml"]).0, 3, "no such file");
    let (code, _, says) = run(data, &["serve", "--web", "0.0.0.0:0"]);
    assert_eq!(code, 4);
    assert!(says.contains("--allow-plaintext"), "{says}");
    let server = Server::start(data);
    assert_eq!(run(data, &["federations", "show", "01900000-0000-7000-8000-000000000001"]).0, 3, "not found");
    assert_eq!(run(data, &["nodes", "show", "x"]).0, 4, "refused");
    assert_eq!(run(data, &["nodes", "list", "--token", "tl_guessed"]).0, 4, "unauthenticated");
    let (code, _, says) = run(data, &["serve", "--web", "127.0.0.1:0"]);
    assert!(code == 4 && says.contains("another server uses"), "{says}");
    // Without the data folder's token one may look from this machine, and nothing more.
    let elsewhere = data.join("elsewhere");
    let web = server.addresses["web"].as_str().unwrap();
    assert_eq!(run(&elsewhere, &["federations", "list", "--server", web]).0, 0);
    let (code, _, says) =
        run(&elsewhere, &["federations", "cancel", "01900000-0000-7000-8000-000000000001", "--server", web]);
    assert!(code == 4 && says.contains("role>=operator"), "{says}");
}

#[test]
fn refusals_are_documents_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let refused = |arguments: &[&str]| {
        let (code, out, says) = run(data, &[arguments, &["--json"]].concat());
        assert_eq!(out, "", "{arguments:?}");
        let details: Value = serde_json::from_str(says.lines().last().unwrap()).expect(&says);
        (code, details["code"].as_str().unwrap().to_owned(), details)
    };
    let is = |arguments: &[&str], code: i32, name: &str| {
        let (exit, named, details) = refused(arguments);
        assert_eq!((exit, named.as_str()), (code, name), "{arguments:?}: {details}");
    };
    is(&["federations"], 2, "usage");
    let (code, named, details) = refused(&["events", "list", "--limit", "0"]);
    assert_eq!((code, named.as_str()), (2, "usage"));
    let problem =
        serde_json::json!([{"path": "--limit", "reason": "'0' is out of range", "allowed": "1 to 1000"}]);
    assert_eq!(details["problems"], problem);
    is(&["federations", "list", "--server", "http://127.0.0.1:9"], 5, "unavailable");
    let (code, named, details) = refused(&["federations", "list", "--server", "https://x"]);
    assert_eq!((code, named.as_str(), &details["problems"][0]["path"]), (4, "invalid", &"--server".into()));
    is(&["federations", "submit", "-f", "/nowhere.yaml"], 3, "not_found");
    is(&["migrate", "--check"], 1, "unavailable");
    let (code, _, details) = refused(&["serve", "--web", "0.0.0.0:0"]);
    assert!(code == 4 && details["problems"][0]["path"] == "--web", "{details}");
    let _server = Server::start(data);
    let (code, named, details) = refused(&["federations", "show", "01900000-0000-7000-8000-000000000001"]);
    assert_eq!((code, named.as_str()), (3, "not_found"));
    assert_ne!(details["correlation"], "", "{details}");
}

#[test]
fn a_killed_domain_is_told_in_one_line_for_people_and_one_document_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let _server = Server::start(data);
    let (code, out, says) = run(data, &["domains", "kill", "thundergrid", "--reason", "a drill"]);
    assert_eq!((code, says.as_str(), out.lines().count()), (0, "", 1), "{out}");
    // On a busy machine it may be back before anybody looks.
    let states = ["crashed", "restarting", "active"].map(|state| format!("thundergrid is {state}: "));
    assert!(states.iter().any(|state| out.starts_with(state)), "{out}");
    let (code, out, says) = run(data, &["domains", "kill", "thunderprism", "--json"]);
    assert_eq!((code, says.as_str()), (0, ""), "{out}");
    let killed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(killed["name"], "thunderprism", "{killed}");
    assert!(killed["state"].is_string() && killed["transitions"].is_array(), "{killed}");
    let (code, out, says) = run(data, &["domains", "kill", "thunderclap", "--json"]);
    assert_eq!((code, out.as_str()), (3, ""), "{says}");
    let details: Value = serde_json::from_str(&says).unwrap();
    assert_eq!(details["code"], "not_found", "{details}");
}

#[test]
fn a_federation_is_submitted_listed_steered_and_survives_the_servers_stop() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let spec = folder.path().join("spec.yaml");
    fs::write(&spec, SPEC).unwrap();
    let submit = ["federations", "submit", "--json", "--idempotency-key", "k", "-f", spec.to_str().unwrap()];
    let (code, out, says) = run(&data, &submit);
    assert_eq!(code, 0, "{says}");
    let federation: Value = serde_json::from_str(&out).unwrap();
    let id = federation["id"].as_str().unwrap();
    let repeated: Value = serde_json::from_str(&run(&data, &submit).1).unwrap();
    assert_eq!(repeated["id"], id, "the key makes it harmless to repeat");
    let waits = "waits for clients: 0 of 2 are";
    wait_for("the list to say why it waits", 30, || {
        run(&data, &["federations", "list"]).1.contains(&format!("  why: {waits}")).then_some(())
    });
    let listed: Value = serde_json::from_str(&run(&data, &["federations", "list", "--json"]).1).unwrap();
    assert_eq!(listed["items"][0]["id"], id);
    assert!(listed["items"][0]["waiting"].as_str().unwrap().starts_with(waits), "{listed}");
    let shown: Value = serde_json::from_str(&run(&data, &["federations", "show", id, "--json"]).1).unwrap();
    assert_eq!(shown["document"], SPEC, "a spec without files is kept as it was written");
    assert!(shown["rollups"].is_array() && shown["losses"].is_array(), "{shown}");
    assert_eq!(run(&data, &["federations", "rounds", id, "--json"]).0, 0);
    assert!(run(&data, &["federations", "pause", id]).1.contains("paused"));
    assert_eq!(run(&data, &["federations", "pause", id]).0, 4, "it is paused already");
    let events = run(&data, &["events", "tail", "--name", "fl.federation.paused", "--json"]).1;
    assert_eq!(serde_json::from_str::<Value>(&events).unwrap()["subject_id"], id);
    assert_eq!(run(&data, &["doctor"]).0, 0);
    let (code, log) = server.interrupt();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("1 federation continues at the next start"), "{log}");
    assert!(!data.join("server.json").exists());
    let again = Server::start(&data);
    assert!(run(&data, &["federations", "resume", id]).1.contains("running"));
    assert!(run(&data, &["federations", "cancel", id, "--reason", "enough"]).1.contains("cancelled"));
    assert!(again.interrupt().1.contains("no federation is under way"));
}

#[test]
fn files_that_a_spec_names_are_uploaded_and_can_be_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _server = Server::start(&data);
    fs::write(folder.path().join("held-out.csv"), "1,2,3,4,0\n5,6,7,8,1\n").unwrap();
    let spec = folder.path().join("spec.yaml");
    fs::write(&spec, format!("{SPEC}evaluation: {{server: {{data: held-out.csv}}}}\n")).unwrap();
    let (code, out, says) = run(&data, &["federations", "submit", "--json", "-f", spec.to_str().unwrap()]);
    assert_eq!(code, 0, "{says}");
    let id = serde_json::from_str::<Value>(&out).unwrap()["id"].as_str().unwrap().to_owned();
    let listed: Value = serde_json::from_str(&run(&data, &["artifacts", "list", "--json"]).1).unwrap();
    let items = listed["items"].as_array().unwrap();
    let artifact = items.iter().find(|item| item["kind"] == "dataset").unwrap();
    let spec = run(&data, &["federations", "show", &id, "--spec"]).1;
    assert!(spec.contains(artifact["sha256"].as_str().unwrap()), "{spec}");
    let target = folder.path().join("back.csv");
    let artifact = artifact["id"].as_str().unwrap();
    assert_eq!(run(&data, &["artifacts", "get", artifact, "-o", target.to_str().unwrap()]).0, 0);
    assert_eq!(fs::read_to_string(target).unwrap(), "1,2,3,4,0\n5,6,7,8,1\n");
    assert!(run(&data, &["artifacts", "verify", artifact]).1.starts_with("intact"));
}

#[test]
fn completions_migrations_and_help_need_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = run(data, &["completions", shell]);
        assert!(code == 0 && script.contains("federations"), "{shell}");
    }
    assert_eq!(run(data, &["migrate", "--check"]).0, 1, "nothing is there yet");
    assert_eq!(run(data, &["migrate"]).0, 0);
    assert_eq!(run(data, &["migrate", "--check"]).0, 0);
    assert!(run(data, &["--help"]).1.contains("Exit codes"));
}

#[test]
fn names_with_odd_characters_are_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let _server = Server::start(data);
    for name in ["ward 7", "50%?#", "Küche"] {
        let (code, _, says) = run(data, &["nodes", "groups", "create", name]);
        assert_eq!(code, 0, "{name}: {says}");
        let (code, out, says) = run(data, &["nodes", "groups", "show", name, "--json"]);
        assert_eq!(code, 0, "{name}: {says}");
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["name"], name);
        assert_eq!(run(data, &["nodes", "groups", "delete", name]).0, 0, "{name}");
    }
    let (code, _, says) = run(data, &["nodes", "groups", "show", ""]);
    assert!(code == 4 && says.contains("<NAME>"), "{says}");
}
