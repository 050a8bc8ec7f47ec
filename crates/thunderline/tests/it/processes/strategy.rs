//! A strategy of the operator's own: named at the start, asked for by a spec, and run again after a kill and after a stop.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use super::{
    group::Group,
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

/// The first time it and a child of it sleep for long, and it says which processes they are.
const SLEEPER: &str = "#!/bin/sh
cat > /dev/null
if mkdir \"$1/once\"; then
    sleep 3600 &
    echo $$ $! > \"$1/numbers\"
    mv \"$1/numbers\" \"$1/started\"
    sleep 3600
fi
cp updates/1.safetensors output-model.safetensors
echo '{}'
";

/// Whether there is such a process that is not dead: whoever inherits it may take its time to notice.
fn lives(number: &str) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(number).join("stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// A server whose strategy `second` is this program, two runners of it that send 1 and 2, and a federation of theirs.
fn begin(text: &str) -> (Server, Uniform, Vec<Group>, String) {
    let mut server = Server::unstarted();
    let folder = server.folder().to_owned();
    let path = folder.join("second.sh");
    let mut program = OpenOptions::new().create_new(true).write(true).mode(0o700).open(&path).unwrap();
    program.write_all(text.as_bytes()).unwrap();
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
    (server, model, runners, id)
}

#[test]
fn a_server_that_is_told_to_stop_does_not_wait_for_a_strategy_and_runs_it_again_at_the_next_start() {
    let (mut server, model, _runners, id) = begin(SLEEPER);
    let folder = server.folder().to_owned();
    let numbers = wait_for("the strategy to run", LONG, || fs::read_to_string(folder.join("started")).ok());
    let there = || numbers.split_whitespace().filter(|it| lives(it)).count();
    assert_eq!(there(), 2, "{numbers}");
    let status = server.terminate();
    let said = server.printed();
    assert_eq!(status.code(), Some(0), "{said}");
    wait_for("the strategy and its child to be gone", LONG, || (there() == 0).then_some(()));
    assert!(said.contains("1 federation continues at the next start"), "{said}");
    assert!(!said.contains("did not end in time"), "{said}");
    let left: Vec<_> = fs::read_dir(server.data().join("strategies")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    server.restart();
    server.wait_until_completed(&id, LONG);
    let rounds = server.rest().list(&format!("/api/v1/federations/{id}/rounds"));
    assert_eq!((rounds.len(), &rounds[0]["attempt"]), (1, &1.into()), "{rounds:#?}");
    assert_eq!(model.read(&server.content(&server.models(&id)[0], "safetensors")), 2.0);
}

#[test]
fn a_server_that_is_killed_while_a_strategy_runs_runs_it_again_and_completes() {
    let (mut server, model, _runners, id) = begin(STRATEGY);
    let folder = server.folder().to_owned();
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
        ("a b=sh", "--strategy: 'a b' is no name"),
        ("median=/etc/passwd", "/etc/passwd is not executable (chmod +x /etc/passwd)"),
    ] {
        let (code, _, stderr) = program::run(&data, &["serve", "--strategy", strategy]);
        assert_ne!(code, 0, "{strategy}");
        assert!(stderr.contains(why), "{strategy}: {stderr}");
        assert!(!data.exists(), "{strategy}");
    }
}
