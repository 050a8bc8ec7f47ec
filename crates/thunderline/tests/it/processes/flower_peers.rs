//! Flower's own clients, unmodified, of the newest and of the last gRPC release.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    flower::{Flwr, PEERS, SuperNode},
    server::Server,
    turn,
    wait::{LONG, wait_for},
};

const NODES: usize = 3;

/// A server, its nodes, and where the app on the nodes writes down what it was given and what it sent.
struct Site {
    /// Each with its id.
    nodes: Vec<(SuperNode, String)>,
    server: Server,
    records: PathBuf,
    initial: PathBuf,
}

impl Site {
    /// Three nodes, started one after another: each needs a core for itself while it comes up.
    fn start(flwr: &Flwr, address: impl Fn(&Server) -> String) -> Self {
        let server = Server::start();
        let (records, initial) = (server.folder().join("records"), server.folder().join("initial.npz"));
        fs::create_dir(&records).unwrap();
        flwr.python("make_model.py", &[Path::new("numpy"), &initial]);
        let mut nodes: Vec<(SuperNode, String)> = Vec::new();
        for number in 0..NODES {
            let address = address(&server);
            let node = SuperNode::start(flwr, server.folder(), &address, number, NODES, &records);
            let ids = server.wait_for_nodes(number + 1, LONG).into_iter();
            let mut ids = ids.map(|node| node["id"].as_str().unwrap().to_owned());
            let new = ids.find(|id| nodes.iter().all(|(_, known)| known != id)).unwrap();
            nodes.push((node, new));
        }
        Self { nodes, server, records, initial }
    }

    /// Submits a federation of the app at `bundle` with the further keys `more`.
    fn submit(&self, bundle: &Path, more: &str) -> String {
        let (initial, bundle) = (self.initial.display(), bundle.display());
        let app = format!("app: {{ flower: {{ bundle: {bundle}, config: {{ local-epochs: 3 }} }} }}");
        self.server.submit(&format!("name: peers\nmodel_ref: {initial}\n{app}\n{more}"))
    }

    /// Every round began with the mean of the round before, and the last model is the mean of the last: computed by NumPy
    /// from what the nodes wrote down.
    fn is_the_mean(&self, flwr: &Flwr, federation: &str, rounds: usize) {
        let models = self.server.models(federation);
        assert_eq!(models.len(), rounds, "one model a round");
        for format in ["npz", "safetensors"] {
            let last = self.server.folder().join(format!("last.{format}"));
            fs::write(&last, self.server.content(&models[rounds - 1], format)).unwrap();
            let said = flwr.python("fedavg.py", &[&self.records, &last, &self.initial]);
            println!("{format}: {}", said.trim());
            assert!(said.starts_with(&format!("{rounds} rounds")), "{said}");
        }
    }

    /// The leases of one round.
    fn leases(&self, federation: &str, round: u64) -> Vec<Value> {
        let rest = self.server.rest();
        let rounds = rest.list(&format!("/api/v1/federations/{federation}/rounds"));
        let of_round = rounds.iter().filter(|found| found["number"] == round);
        of_round
            .flat_map(|found| rest.list(&format!("/api/v1/rounds/{}/leases", found["id"].as_str().unwrap())))
            .collect()
    }
}

fn five_rounds(flwr: &Flwr, site: &Site, bundle: &Path) {
    let more = "num_rounds: 5
min_clients: 3
round: { deadline: 600s, quorum: 1.0 }
evaluation: { federated: true, every: 5 }
";
    let id = site.submit(bundle, more);
    site.server.wait_until_completed(&id, LONG);
    site.is_the_mean(flwr, &id, 5);
    let rollups = site.server.rest().list(&format!("/api/v1/federations/{id}/rollups"));
    for rollup in &rollups {
        assert_eq!((&rollup["train"]["clients"], &rollup["train"]["dropped"]), (&3.into(), &0.into()));
    }
    let judged = &rollups[4]["evaluate"];
    assert_eq!(judged["clients"], 3, "{judged}");
    let accuracy = judged["metrics"]["accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.5, "three clients that learn beat the initial model: {judged}");
    // The settings of the spec reached the app: else it trains for more epochs, and the nodes' own check fails.
    let shown = site.server.federation(&id);
    assert_eq!(shown["spec"]["app"]["flower"]["config"]["local-epochs"], 3, "{shown:#}");
}

#[test]
fn three_unmodified_supernodes_of_flwr_1_42_train_five_rounds() {
    let Some(flwr) = Flwr::named_by("THUNDERLINE_FLWR_142") else { return };
    let _turn = turn::take();
    let site = Site::start(&flwr, Server::fleet_http);
    // The app's folder: our own program packs it.
    five_rounds(&flwr, &site, &Path::new(PEERS).join("numpy-app"));
}

#[test]
fn three_unmodified_supernodes_of_flwr_1_39_train_five_rounds() {
    let Some(flwr) = Flwr::named_by("THUNDERLINE_FLWR_139") else { return };
    let _turn = turn::take();
    let site = Site::start(&flwr, Server::fleet_grpc);
    let bundle = flwr.build("numpy-app", &site.server.folder().join("built"));
    five_rounds(&flwr, &site, &bundle);
}

#[test]
fn a_supernode_killed_midway_is_dropped_with_its_reason_and_the_federation_completes() {
    let Some(flwr) = Flwr::named_by("THUNDERLINE_FLWR_142") else { return };
    let _turn = turn::take();
    let mut site = Site::start(&flwr, Server::fleet_http);
    let more = "num_rounds: 2
min_clients: 2
round: { deadline: 600s, quorum: 0.5 }
evaluation: { federated: false }
";
    let id = site.submit(&Path::new(PEERS).join("numpy-app"), more);
    let (mut node, killed) = site.nodes.pop().unwrap();
    let of_killed = || site.leases(&id, 2).into_iter().find(|lease| lease["node"] == *killed);
    wait_for("the node to take its task of round 2", LONG, || {
        of_killed().filter(|lease| lease["state"] == "claimed")
    });
    node.process.kill();
    assert_eq!(of_killed().unwrap()["state"], "claimed", "it was killed too late to be missed");
    // If it had written its update down already, that was never sent.
    let _none = fs::remove_file(site.records.join(format!("round-002-partition-{:03}.npz", NODES - 1)));

    site.server.wait_until_completed(&id, LONG);
    site.is_the_mean(&flwr, &id, 2);
    let mut lost = site.leases(&id, 2);
    lost.retain(|lease| lease["state"] != "released");
    let [lost] = &lost[..] else { panic!("one node was lost: {lost:#?}") };
    assert_eq!(lost["node"], *killed);
    let reason = lost["reason"].as_str().unwrap();
    assert!(reason.contains("did not answer") || reason.contains("is gone"), "{lost:#}");
    println!("the killed node's lease is {}: {reason}", lost["state"]);
}
