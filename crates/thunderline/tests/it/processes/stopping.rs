//! Ctrl-C ends the server in good order, and nothing of its work.

use super::{
    group::Group,
    model::Uniform,
    node::start_runner,
    server::Server,
    wait::{LONG, wait_for},
};

/// A federation whose only runner holds a task for longer than the test takes.
fn under_way(server: &Server) -> (Group, String) {
    Uniform::new().write(&server.folder().join("initial.safetensors"), 0.0);
    let gate = server.folder().join("gate");
    let script = server.folder().join("trainer.sh");
    // Trains for as long as the test wants it to.
    let text = format!(
        "out=$(sed -n 's|.*\"output_model\":\"\\([^\"]*\\)\".*|\\1|p')
until [ -e {} ]; do sleep 0.05; done
cp {}/initial.safetensors \"$out\" && echo '{{\"num_examples\": 1}}'
",
        gate.display(),
        server.folder().display()
    );
    std::fs::write(&script, text).unwrap();
    let runner =
        start_runner(server, "patient", &["--command", &format!("gate=/bin/sh {}", script.display())]);
    let id = server.submit(
        "name: long
model_ref: initial.safetensors
app: { command: { name: gate } }
num_rounds: 2
min_clients: 1
evaluation: { federated: false }
",
    );
    wait_for("the runner to take its task", LONG, || {
        (server.federation(&id)["clients"]["claimed"] == 1).then_some(())
    });
    (runner, id)
}

#[test]
fn ctrl_c_says_what_happens_to_the_running_federation_which_continues_at_the_next_start() {
    let mut server = Server::start();
    let (_runner, id) = under_way(&server);

    let status = server.interrupt();
    let said = server.printed();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("1 federation continues at the next start"), "{said}");
    assert!(!server.data().join("server.json").exists(), "the address file outlived the server");

    server.restart();
    assert_eq!(server.federation(&id)["state"], "running");
    std::fs::write(server.folder().join("gate"), "").unwrap();
    let completed = server.wait_until_completed(&id, LONG);
    assert_eq!(completed["completed_rounds"], 2);

    let status = server.interrupt();
    assert_eq!(status.code(), Some(0));
    assert!(server.printed().contains("no federation is under way"), "{}", server.printed());
}
