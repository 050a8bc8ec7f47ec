//! A strategy of the operator's own: named at the start, asked for by a spec, and run again after a kill.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
};

use super::{
    model::Uniform,
    node::start_runner,
    server::Server,
    wait::{LONG, wait_for},
};
use crate::program;

/// The first time it runs for as long as the server lives, and says so; afterwards it takes the second update for the model.
const STRATEGY: &str = "#!/bin/sh
cat > /dev/null
if mkdir \"$1/once\"; then
    touch \"$1/started\"
    while kill -0 $PPID; do sleep 0.1; done
fi
echo 'here again' >&2
cp updates/1.safetensors output-model.safetensors
cp updates/0.safetensors output-state.safetensors
echo '{\"metrics\": {\"taken\": 1}}'
";

#[test]
fn a_server_that_is_killed_while_a_strategy_runs_runs_it_again_and_completes() {
    let mut server = Server::unstarted();
    let folder = server.folder().to_owned();
    let path = folder.join("second.sh");
    let mut program = OpenOptions::new().create_new(true).write(true).mode(0o700).open(&path).unwrap();
    program.write_all(STRATEGY.as_bytes()).unwrap();
    drop(program);
    let strategy = format!("second={} {}", path.display(), folder.display());
    server.always(&["--strategy", &strategy, "--strategy-limit", "3000"]);
    server.restart();

    let model = Uniform::new();
    model.write(&folder.join("initial.safetensors"), 0.0);
    let mut runners = Vec::new();
    for (name, value) in [("a", 1.0), ("b", 2.0)] {
        let update = folder.join(format!("{name}.safetensors"));
        model.write(&update, value);
        let script = folder.join(format!("{name}.sh"));
        let out = "out=$(sed -n 's|.*\"output_model\":\"\\([^\"]*\\)\".*|\\1|p')";
        let text = format!("{out}\ncp {} \"$out\" && echo '{{\"num_examples\": 1}}'\n", update.display());
        fs::write(&script, text).unwrap();
        let command = format!("fixed=/bin/sh {}", script.display());
        runners.push(start_runner(&server, name, &["--command", &command]));
    }
    let id = server.submit(
        "name: second
model_ref: initial.safetensors
app: { command: { name: fixed } }
strategy: { external: second }
num_rounds: 1
min_clients: 2
evaluation: { federated: false }
",
    );
    let (_, listed, _) = program::run(&server.data(), &["strategies", "list"]);
    assert!(listed.contains("external: second") && listed.contains("multikrum"), "{listed}");
    wait_for("the strategy to run", LONG, || folder.join("started").exists().then_some(()));
    server.kill();
    server.restart();

    let completed = server.wait_until_completed(&id, LONG);
    assert_eq!(completed["strategy"], "external:second");
    let rounds = server.rest().list(&format!("/api/v1/federations/{id}/rounds"));
    assert_eq!((rounds.len(), &rounds[0]["attempt"]), (1, &1.into()), "{rounds:#?}");
    assert_eq!(model.read(&server.content(&server.models(&id)[0], "safetensors")), 2.0);
    let rollups = server.rest().list(&format!("/api/v1/federations/{id}/rollups"));
    assert_eq!(rollups[0]["aggregate_metrics"]["taken"], 1.0);
    assert!(server.printed().contains("here again"), "{}", server.printed());
    let left: Vec<_> = fs::read_dir(server.data().join("strategies")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_strategy_that_cannot_run_is_refused_before_anything_starts() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (strategy, why) in [
        ("median=/no/such/median.py", "--strategy median: there is no program /no/such/median.py"),
        ("median", "'median' names no program"),
        ("krum=sh", "'krum' is the name of a built-in strategy"),
    ] {
        let (code, _, stderr) = program::run(&data, &["serve", "--strategy", strategy]);
        assert_ne!(code, 0, "{strategy}");
        assert!(stderr.contains(why), "{strategy}: {stderr}");
        assert!(!data.exists(), "{strategy}");
    }
}
