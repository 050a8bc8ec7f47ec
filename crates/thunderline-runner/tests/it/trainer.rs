//! The NumPy example, where a Python with NumPy is there.

use std::process::Command;

use serde_json::json;
use thunderline_flower::message::TaskKind;
use thunderline_numerics::{
    model::{ModelSpec, Network},
    random::Rng,
};
use thunderline_runner::NamedCommand;

use crate::{rounds::Site, server::Server};

/// A Python with NumPy: the one beside the Flower client that the tests were prepared with, else the system's.
fn python() -> Option<String> {
    let named = std::env::var("THUNDERLINE_FLWR_142").ok().map(|programs| format!("{programs}/python"));
    let candidates = named.into_iter().chain(["python3".to_owned()]);
    candidates.into_iter().find(|python| {
        let tried = Command::new(python).args(["-c", "import numpy"]).output();
        tried.is_ok_and(|output| output.status.success())
    })
}

#[test]
fn the_numpy_example_trains_and_evaluates() {
    let Some(python) = python() else {
        eprintln!("skipped: no Python with NumPy; `cargo xtask test` prepares one");
        return;
    };
    let server = Server::start();
    let spec = ModelSpec::new(&[2, 2]);
    let start = Network::initial(&spec, &mut Rng::derive(1, &[])).unwrap();
    let app =
        json!({"kind": "command", "name": "numpy", "config": {"learning_rate": 0.1, "epochs": 5}, "seed": 3});
    let mut site = Site::start(&server, |config, _| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/numpy_trainer.py");
        let arguments = vec![script.to_owned()];
        config.commands = vec![NamedCommand { name: "numpy".into(), program: python.into(), arguments }];
    });
    let ask = |kind, model: &[u8]| {
        server.ask(kind, 1, &app, start.schema(), model);
        server.wait(|state| state.received.pop_front())
    };
    let trained = ask(TaskKind::Train, &start.to_bytes());
    assert_eq!(trained.error, None);
    assert_eq!(trained.model.len(), start.to_bytes().len());
    let again = ask(TaskKind::Train, &start.to_bytes());
    assert_eq!(again.model, trained.model, "the same seed gave another model");
    let evaluated = ask(TaskKind::Evaluate, &trained.model);
    let accuracy = evaluated.metrics.iter().find(|(key, _)| key == "accuracy").unwrap().1.as_f64().unwrap();
    assert!(accuracy > 0.9, "{accuracy}");
    site.stop();
    server.close();
}
