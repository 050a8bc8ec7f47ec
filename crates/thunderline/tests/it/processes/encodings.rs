//! Updates on a diet with the real server and real runners: a fraction of the bytes, and nearly the same model.

use std::{fmt::Write as _, fs};

use serde_json::Value;
use thunderline_numerics::checkpoint::CheckpointHeader;

use super::{group::Group, node::start_runner, server::Server, turn, wait::LONG};

const RUNNERS: usize = 3;
const DIGITS: &str = include_str!("../../../../../data/digits/digits.csv");

/// Every fifth digit is held out; the others go to the runners in turn.
fn prepare(server: &Server) -> Vec<Group> {
    let mut files = vec![String::new(); RUNNERS + 1];
    for (place, line) in DIGITS.lines().enumerate() {
        let file = if place % 5 == 4 { RUNNERS } else { place % RUNNERS };
        writeln!(files[file], "{line}").unwrap();
    }
    for (place, text) in files.iter().enumerate() {
        fs::write(server.folder().join(format!("digits-{place}.csv")), text).unwrap();
    }
    let runners = (0..RUNNERS)
        .map(|runner| {
            let data = server.folder().join(format!("digits-{runner}.csv"));
            let arguments = ["--data", data.to_str().unwrap(), "--feature-scale", "16"];
            start_runner(server, &format!("site-{runner}"), &arguments)
        })
        .collect();
    server.wait_for_nodes(RUNNERS, LONG);
    runners
}

fn run(server: &Server, rounds: u32, update: &str) -> (String, Vec<Value>) {
    let held_out = server.folder().join(format!("digits-{RUNNERS}.csv"));
    let id = server.submit(&format!(
        "model_ref: builtin:mlp(64,64,10)
num_rounds: {rounds}
min_clients: {RUNNERS}
app: {{ builtin: {{ learning_rate: 0.1, momentum: 0.5, batch_size: 16, local_epochs: 1 }} }}
evaluation: {{ federated: false, server: {{ data: {}, scale: 16 }} }}
update: {update}
seed: 1
",
        held_out.display()
    ));
    server.wait_until_completed(&id, LONG);
    let rollups = server.rest().list(&format!("/api/v1/federations/{id}/rollups"));
    (id, rollups)
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {value:#}"))
}

/// The bytes of one array of a model.
fn array(server: &Server, model: &Value, name: &str) -> Vec<u8> {
    let bytes = server.content(model, "safetensors");
    let header = CheckpointHeader::read(&mut bytes.as_slice()).unwrap();
    let place = header.schema.position(name).unwrap();
    let range = &header.ranges()[place];
    bytes[range.start as usize..range.end as usize].to_vec()
}

#[test]
fn four_bits_for_each_number_teach_the_digits_nearly_as_well() {
    let _turn = turn::take();
    let server = Server::start();
    let _runners = prepare(&server);

    let (_, plain) = run(&server, 8, "{ encoding: full }");
    let (id, small) = run(&server, 8, "{ encoding: { by: rotation, bits: 4 } }");
    let accuracy = |rollups: &[Value]| number(&rollups[7], "/server/accuracy");
    let (before, after) = (accuracy(&plain), accuracy(&small));
    println!("accuracy {before} plain, {after} in four bits");
    assert!(before > 0.85 && after > before - 0.03, "{before} {after}");
    for (plain, small) in plain.iter().zip(&small) {
        let bytes = |round: &Value, what: &str| number(round, &format!("/train/{what}"));
        assert_eq!(bytes(plain, "bytes"), bytes(plain, "plain_bytes"));
        assert_eq!(bytes(small, "plain_bytes"), bytes(plain, "plain_bytes"));
        let share = bytes(small, "bytes") / bytes(small, "plain_bytes");
        assert!(share < 0.14, "{share}");
        assert!(bytes(small, "wire_bytes") > bytes(small, "bytes"));
        assert!(bytes(plain, "wire_bytes") > 4.0 * bytes(small, "wire_bytes"));
    }
    let shown = server.command(&["federations", "show", &id]).output().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("OF PLAIN"));

    // Only the last layer learns; what top-k leaves out in one round comes in another.
    let few = "{ encoding: { by: top_k, fraction: 0.1 }, trainable: ['layers.1.*'] }";
    let (id, rollups) = run(&server, 8, few);
    assert!(number(&rollups[7], "/train/bytes") < 0.05 * number(&rollups[7], "/train/plain_bytes"));
    assert!(accuracy(&rollups) > 0.6, "{}", accuracy(&rollups));
    let models = server.models(&id);
    let (first, last) = (&models[0], models.last().unwrap());
    assert_eq!(array(&server, first, "layers.0.weight"), array(&server, last, "layers.0.weight"));
    assert_ne!(array(&server, first, "layers.1.weight"), array(&server, last, "layers.1.weight"));
}
