//! A runner whose link breaks while it uploads, and whose server and own process die, goes on where it stopped.

use std::{collections::BTreeMap, fs, path::Path};

use thunderline_numerics::{ArraySpec, DType, ModelSchema, checkpoint::CheckpointWriter};

use super::{node::start_runner_at, proxy::Proxy, server::Server, turn};

/// Larger than any pieces in which it may go up, and than what a socket holds.
const ELEMENTS: usize = 10 << 20;
const MIB: u64 = 1 << 20;

/// A model of which no two parts are alike, lest one stand in for another.
fn write(path: &Path, first: usize) {
    let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[ELEMENTS])]).unwrap();
    let file = fs::File::create(path).unwrap();
    let mut writer = CheckpointWriter::new(file, &schema, &BTreeMap::new()).unwrap();
    // Whole numbers below 2^24 are exact.
    let bytes: Vec<u8> = (first..first + ELEMENTS).flat_map(|value| (value as f32).to_le_bytes()).collect();
    writer.write(&bytes).unwrap();
    writer.finish().unwrap();
}

#[test]
fn an_upload_goes_on_where_it_stopped_whatever_dies() {
    let _turn = turn::take();
    let mut server = Server::start();
    let folder = server.folder().to_owned();
    write(&folder.join("initial.safetensors"), 0);
    write(&folder.join("update.safetensors"), 5);
    let (script, trained) = (folder.join("trainer.sh"), folder.join("trained"));
    let text = format!(
        "out=$(sed -n 's|.*\"output_model\":\"\\([^\"]*\\)\".*|\\1|p')
echo once >> {}
cp {}/update.safetensors \"$out\" && echo '{{\"num_examples\": 1}}'
",
        trained.display(),
        folder.display()
    );
    fs::write(&script, text).unwrap();
    let command = format!("copy=/bin/sh {}", script.display());
    let proxy = Proxy::start(server.fleet_http(), 3 * MIB);
    let start = |server: &Server| start_runner_at(server, proxy.address(), "far", &["--command", &command]);
    let mut runner = start(&server);
    let id = server.submit(
        "name: far
model_ref: initial.safetensors
app: { command: { name: copy } }
num_rounds: 1
min_clients: 1
evaluation: { federated: false }
",
    );
    proxy.wait_until_broken();
    proxy.mend(Some(11 * MIB));
    proxy.wait_until_broken();
    server.kill();
    server.restart();
    proxy.mend(Some(22 * MIB));
    proxy.wait_until_broken();
    runner.kill();
    runner = start(&server);
    proxy.mend(Some(33 * MIB));
    proxy.wait_until_broken();
    proxy.mend(None);
    server.wait_until_completed(&id, 90);

    let size = (4 * ELEMENTS) as f64;
    let crossed = proxy.crossed() as f64 / size;
    println!("{crossed:.3} of the update's size crossed the link");
    assert!(crossed < 1.2, "{crossed} times the update crossed the link");
    let said = runner.printed();
    let resumed = said.matches("the upload resumed at").count();
    assert!(resumed >= 4, "resumed {resumed} times:\n{said}");
    assert_eq!(fs::read_to_string(trained).unwrap(), "once\n", "it worked anew");
    let model = server.content(&server.models(&id)[0], "safetensors");
    let update = fs::read(folder.join("update.safetensors")).unwrap();
    assert!(model[model.len() - 4 * ELEMENTS..] == update[update.len() - 4 * ELEMENTS..], "another update");
}
