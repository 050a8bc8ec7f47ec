//! Strategies in Python, where a Python with NumPy is there: the package's own tests, and the example against what is built in.

use std::{path::Path, process::Command, time::Duration};

use federation::{
    Federation,
    external::Programs,
    spec::{FederationSpec, read_document},
    state::FederationState,
};
use thunderline_bridge::NamedCommand;
use thunderline_core::{NodeId, Result};
use thunderline_testkit::{Engine, TestDb, run};

use crate::site::{SPEC, Site};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A Python with NumPy: the one beside the Flower client that the tests were prepared with, else the system's.
fn python() -> Option<String> {
    let named = std::env::var("THUNDERLINE_FLWR_142").ok().map(|programs| format!("{programs}/python"));
    let found = named.into_iter().chain(["python3".to_owned()]).find(|python| {
        let tried = Command::new(python).args(["-c", "import numpy"]).output();
        tried.is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        eprintln!("skipped: no Python with NumPy; `cargo xtask test` prepares one");
    }
    found
}

#[test]
fn the_python_package_keeps_what_it_promises_to_strategies() {
    let Some(python) = python() else { return };
    for test in ["test_checkpoints.py", "test_strategy.py"] {
        let ended = Command::new(&python)
            .args(["-B", "-W", "error", "-m", "unittest", "-q", test])
            .current_dir(root().join("python/tests"))
            .env("PYTHONPATH", root().join("python/src"))
            .output()
            .unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
}

#[test]
fn the_documentation_has_the_whole_example() {
    let example = include_str!("../../../../examples/median_momentum.py");
    let (_, code) = example.split_once("\"\"\"\n\n").expect("a docstring comes first");
    let text = include_str!("../../../../docs/strategies.md");
    assert!(text.contains(&format!("```python\n{code}```")), "docs/strategies.md has another text");
    let document = read_document(include_str!("../../../../examples/external.yaml")).unwrap();
    let spec = FederationSpec::parse(&document, 0).unwrap();
    assert_eq!(spec.strategy.program().unwrap().name, "median");
}

impl Site {
    /// Five nodes answer each of two rounds, every one something else.
    async fn two_rounds(&self, federation: &Federation) -> Result<String> {
        let answers = [[0.1, -3.5, 1e-7, 44.25, 0.3], [0.2, 7.0, -0.1, 0.15, 1e20]];
        for (round, values) in (0_i8..).zip(answers) {
            self.drive(federation).await?;
            for (number, value) in (1..).zip(values) {
                let task = self.claim(NodeId::from_bits(number)).await?.expect("every node has a task");
                // Four answer in the second round: a median between two.
                if (round, number) != (1, 5) {
                    self.answer(&task, value, number as f64).await?;
                } else {
                    self.leave(task.node).await?;
                }
            }
            self.drive(federation).await?;
        }
        let done = self.get(federation).await?;
        assert_eq!(done.state, FederationState::Completed, "{:?}", done.reason);
        self.join(5).await?;
        Ok(done.model.expect("rounds made one"))
    }
}

/// The same bytes, hence the same file.
async fn equal_models(t: TestDb) -> Result<()> {
    let Some(python) = python() else { return Ok(()) };
    let mut site = Site::new(t)?;
    let package = format!("PYTHONPATH={}", root().join("python/src").canonicalize()?.display());
    let example = root().join("examples/median_momentum.py").canonicalize()?.display().to_string();
    let program = NamedCommand {
        name: "median".into(),
        program: "/usr/bin/env".into(),
        arguments: vec![package, python, "-B".into(), example],
    };
    let programs = Programs::new(vec![program], site.t.dir().join("strategies"), Duration::from_secs(600))?;
    site.domain = site.domain.with_programs(programs);
    for number in 1..=5 {
        site.join(number).await?;
    }
    let spec = SPEC.replace("num_rounds: 1", "num_rounds: 2\nseed: 4\nround: {quorum: 0.8}");
    let mut models = Vec::new();
    for strategy in [
        "fedmedian",
        "{external: median, params: {momentum: 0.0}}",
        "{external: median, params: {momentum: 0.5}}",
    ] {
        let federation = site.submit(&format!("{spec}strategy: {strategy}\n")).await?;
        models.push(site.two_rounds(&federation).await?);
    }
    assert_eq!(models[0], models[1]);
    assert_ne!(models[1], models[2]);
    Ok(())
}

#[test]
fn the_example_without_momentum_is_fedmedian_to_the_last_bit() {
    run(Engine::Sqlite, crate::MIGRATIONS, equal_models);
}
