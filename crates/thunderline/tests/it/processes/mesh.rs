//! The domain mesh of a running server, seen and steered from the command line.

use serde_json::Value;

use super::{server::Server, wait::wait_for};

fn domains(server: &Server) -> Value {
    server.json(&["domains", "list"])
}

fn state(server: &Server, domain: &str) -> String {
    let mesh = domains(server);
    let domains = mesh["domains"].as_array().expect("domains are a list");
    let found = domains.iter().find(|it| it["name"] == domain).unwrap_or_else(|| panic!("{mesh}"));
    found["state"].as_str().expect("a state is text").to_owned()
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
    for domain in mesh["domains"].as_array().expect("domains are a list") {
        assert_eq!(domain["state"], "active", "{domain}");
    }
    wait_for("a tick to be acknowledged by all", 30, || {
        let mesh = domains(&server);
        let acknowledged = |it: &Value| it["acknowledged_tick"].as_u64() >= Some(1);
        mesh["domains"].as_array()?.iter().all(acknowledged).then_some(())
    });

    let killed = server.json(&["domains", "kill", "thundergrid", "--reason", "a drill"]);
    assert!(killed["state"] == "restarting" || killed["state"] == "active", "{killed}");
    wait_for("the killed domain to come back", 30, || {
        (state(&server, "thundergrid") == "active").then_some(())
    });
    let shown = server.json(&["domains", "show", "thundergrid"]);
    let past: Vec<_> = shown["transitions"].as_array().expect("a list").iter().rev().collect();
    let states: Vec<_> = past.iter().map(|it| it["to"].as_str().expect("text")).collect();
    assert_eq!(states, ["waiting", "active", "crashed", "restarting", "active"]);
    assert!(past[2]["reason"].as_str().expect("text").contains("a drill"), "{shown}");
    for domain in domains(&server)["domains"].as_array().expect("domains are a list") {
        assert_eq!(domain["state"], "active", "{domain}");
    }

    let away = server.json(&["domains", "deactivate", "thunderlink"]);
    assert_eq!(away["state"], "inactive", "{away}");
    let output = server.command(&["domains", "kill", "thunderlink"]).output().expect("it can be started");
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("only a domain that runs"), "{output:?}");
    let (code, says) = ready(&server);
    assert_eq!(code, 503, "{says}");
    assert!(says.contains("thunderlink is inactive: deactivated by user:"), "{says}");
    server.json(&["domains", "activate", "thunderlink"]);
    wait_for("the server to be ready again", 30, || (ready(&server).0 == 200).then_some(()));

    let away = server.json(&["domains", "deactivate", "thunderprism"]);
    assert_eq!(away["state"], "inactive", "{away}");
    let status = server.interrupt();
    assert_eq!(status.code(), Some(0), "{}", server.printed());
    server.restart();
    assert_eq!(state(&server, "thunderprism"), "inactive");
    server.json(&["domains", "activate", "thunderprism"]);
    wait_for("the domain to be active again", 30, || {
        (state(&server, "thunderprism") == "active").then_some(())
    });
}
