//! A runner whose link breaks while it uploads, and whose server and own process die, goes on where it stopped.

use std::{collections::BTreeMap, fs, path::Path};

use thunderline_numerics::{ArraySpec, DType, ModelSchema, checkpoint::CheckpointWriter};

use super::{
    node::start_runner_at,
    proxy::{Breaks, Proxy},
    server::Server,
    turn,
    twenty_kills::setting,
    wait::LONG,
};

const MIB: usize = 1 << 20;

/// A model of which no two parts are alike, lest one stand in for another. Gives its arrays' bytes.
fn write(path: &Path, mib: usize, first: usize) -> Vec<u8> {
    let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[mib * MIB / 4])]).unwrap();
    let number = |value: usize| (value as f32).to_le_bytes();
    let block: Vec<u8> = (0..MIB / 4).flat_map(number).collect();
    let mut bytes = block.repeat(mib);
    for (place, block) in bytes.chunks_exact_mut(MIB).enumerate() {
        block[..4].copy_from_slice(&number(first + place));
    }
    let file = fs::File::create(path).unwrap();
    let mut writer = CheckpointWriter::new(file, &schema, &BTreeMap::new()).unwrap();
    writer.write(&bytes).unwrap();
    writer.finish().unwrap();
    bytes
}

#[test]
fn an_upload_goes_on_where_it_stopped_whatever_dies() {
    // Far more than a socket holds: what is in one when a server dies has crossed the link for nothing.
    let mib = usize::try_from(setting("THUNDERLINE_UPLOAD_MIB", 40)).unwrap();
    let after = |hundredths: usize| Breaks::At((mib * MIB / 100 * hundredths) as u64);
    let _turn = turn::take();
    let mut server = Server::start();
    let folder = server.folder().to_owned();
    write(&folder.join("initial.safetensors"), mib, 0);
    let update = write(&folder.join("update.safetensors"), mib, mib);
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
    let proxy = Proxy::start(server.fleet_http(), after(7));
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
    proxy.mend(after(28));
    proxy.wait_until_broken();
    server.kill();
    server.restart();
    proxy.mend(after(55));
    proxy.wait_until_broken();
    runner.kill();
    runner = start(&server);
    proxy.mend(after(83));
    proxy.wait_until_broken();
    proxy.mend(Breaks::Never);
    server.wait_until_completed(&id, LONG);

    let crossed = proxy.crossed() as f64 / update.len() as f64;
    println!("{crossed:.3} of the update's size crossed the link");
    assert!(crossed < 1.2, "{crossed} times the update crossed the link");
    let said = runner.printed();
    let resumed = said.matches("the upload resumed at").count();
    assert!(resumed >= 4, "resumed {resumed} times:\n{said}");
    assert_eq!(fs::read_to_string(trained).unwrap(), "once\n", "it worked anew");
    let model = server.content(&server.models(&id)[0], "safetensors");
    assert!(model.ends_with(&update), "another update");
}

#[test]
fn a_masked_update_goes_on_where_it_stopped() {
    const DIGITS: &str = include_str!("../../../../../data/digits/digits.csv");
    // Of the model's numbers, four bytes each.
    let update = 4 * (64 * 1500 + 1500 + 1500 * 10 + 10);
    let third = Breaks::Within("PATCH", "/mask", update / 3);
    let _turn = turn::take();
    let server = Server::start();
    let proxy = Proxy::start(server.fleet_http(), third);
    let mut addresses = vec![server.fleet_http(); 2];
    addresses.push(proxy.address().to_owned());
    let runners: Vec<_> = addresses
        .iter()
        .enumerate()
        .map(|(site, address)| {
            let data = server.folder().join(format!("{site}.csv"));
            let lines = DIGITS.lines().skip(site).step_by(60);
            fs::write(&data, lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
            let arguments =
                ["--data", data.to_str().unwrap(), "--feature-scale", "16", "--secure-members", "3"];
            start_runner_at(&server, address, &format!("site-{site}"), &arguments)
        })
        .collect();
    server.wait_for_nodes(3, LONG);
    let before = proxy.crossed();
    let id = server.submit(
        "model_ref: builtin:mlp(64,1500,10)
num_rounds: 1
min_clients: 3
round: { max_failures: 0 }
evaluation: { federated: false }
secure_agg: true
",
    );
    proxy.wait_until_broken();
    proxy.mend(third);
    proxy.wait_until_broken();
    proxy.mend(Breaks::Never);
    server.wait_until_completed(&id, LONG);

    let crossed = (proxy.crossed() - before) as f64 / update as f64;
    println!("{crossed:.3} of the update's size crossed the link");
    assert!(crossed < 1.2, "{crossed} times the update crossed the link");
    let said = runners[2].printed();
    let resumed = said.matches("the upload resumed at").count();
    assert!(resumed >= 2, "resumed {resumed} times:\n{said}");
    let model = server.models(&id).remove(0);
    assert_eq!(model["metadata"]["clients"].as_array().map(Vec::len), Some(3), "{model}");
}
