//! The domain mesh of a running server, seen and steered from the command line.

use serde_json::Value;

use super::{
    server::Server,
    wait::{LONG, wait_for},
};

fn domains(server: &Server) -> Value {
    server.json(&["domains", "list"])
}

fn state(server: &Server, domain: &str) -> String {
    let mesh = domains(server);
    let domains = mesh["domains"].as_array().expect("domains are a list");
    let found = domains.iter().find(|it| it["name"] == domain).unwrap_or_else(|| panic!("{mesh}"));
    found["state"].as_str().expect("a state is text").to_owned()
}

fn wait_until(server: &Server, domain: &str, wanted: &str) {
    wait_for(&format!("{domain} to be {wanted}"), LONG, || (state(server, domain) == wanted).then_some(()));
}

/// Domains that nothing requires may follow a little later than the server's readiness, and where the machine is busy one may
/// miss a few ticks.
fn wait_until_all_are_active(server: &Server) {
    wait_for("all domains to be active", LONG, || {
        let mesh = domains(server);
        mesh["domains"].as_array()?.iter().all(|domain| domain["state"] == "active").then_some(())
    });
}

/// What became of a domain, oldest first, but for ticks that it missed.
fn past(server: &Server, domain: &str) -> Vec<Value> {
    let mut shown = server.json(&["domains", "show", domain]);
    let Value::Array(mut past) = shown["transitions"].take() else { panic!("{shown}") };
    past.retain(|it| it["to"] != "degraded" && (it["from"] != "degraded" || it["to"] != "active"));
    past.reverse();
    past
}

fn ready(server: &Server) -> (u16, String) {
    let (code, body) = server.rest().get_bytes("/readyz").expect("the server answers");
    (code, String::from_utf8_lossy(&body).into_owned())
}

#[test]
fn a_killed_domain_comes_back_and_a_deactivated_one_stays_away_over_a_restart() {
    let mut server = Server::start();
    let mesh = domains(&server);
    assert_eq!(mesh["ready"], true, "{mesh}");
    wait_until_all_are_active(&server);
    wait_for("a tick to be acknowledged by all", LONG, || {
        let mesh = domains(&server);
        let acknowledged = |it: &Value| it["acknowledged_tick"].as_u64() >= Some(1);
        mesh["domains"].as_array()?.iter().all(acknowledged).then_some(())
    });

    server.json(&["domains", "kill", "thundergrid", "--reason", "a drill"]);
    let wanted = ["waiting", "active", "crashed", "restarting", "active"];
    let past = wait_for("the killed domain to come back", LONG, || {
        let past = past(&server, "thundergrid");
        (past.len() >= wanted.len()).then_some(past)
    });
    let states: Vec<_> = past.iter().map(|it| it["to"].as_str().expect("text")).collect();
    assert_eq!(states, wanted);
    assert!(past[2]["reason"].as_str().expect("text").contains("a drill"), "{past:#?}");
    wait_until_all_are_active(&server);

    server.json(&["domains", "deactivate", "thunderlink"]);
    wait_until(&server, "thunderlink", "inactive");
    let output = server.command(&["domains", "kill", "thunderlink"]).output().expect("it can be started");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("only a domain that runs"), "{output:?}");
    let (code, says) = ready(&server);
    assert_eq!(code, 503, "{says}");
    assert!(says.contains("thunderlink is inactive: deactivated by user:"), "{says}");
    server.json(&["domains", "activate", "thunderlink"]);
    wait_for("the server to be ready again", LONG, || (ready(&server).0 == 200).then_some(()));

    server.json(&["domains", "deactivate", "thunderprism"]);
    wait_until(&server, "thunderprism", "inactive");
    let status = server.interrupt();
    assert_eq!(status.code(), Some(0), "{}", server.printed());
    server.restart();
    assert_eq!(state(&server, "thunderprism"), "inactive");
    server.json(&["domains", "activate", "thunderprism"]);
    wait_until(&server, "thunderprism", "active");
}
