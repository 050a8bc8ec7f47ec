//! Secure aggregation with Flower's own clients, unmodified, whose app has our mod.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::process::Signal;

use super::{
    flower::{Flwr, PEERS, SuperNode},
    server::Server,
    turn,
    wait::wait_for,
};

/// A machine with two cores that does other things as well gets through any round in this time.
const LONG: u64 = 300;

struct Site {
    nodes: Vec<SuperNode>,
    server: Server,
    records: PathBuf,
    initial: PathBuf,
}

impl Site {
    /// Nodes of both generations, each with a lasting identity, and each asking for so many to hide among.
    fn start(new: &Flwr, old: &Flwr, count: usize, members: usize) -> Self {
        let server = Server::start();
        let (records, initial) = (server.folder().join("records"), server.folder().join("initial.npz"));
        fs::create_dir(&records).unwrap();
        new.python("make_model.py", &[Path::new("numpy"), &initial]);
        let mut nodes = Vec::new();
        for number in 0..count {
            let state = server.folder().join(format!("identity-{number}"));
            let state = state.display();
            let config = format!("partition-id={number} secure-members={members} secure-state=\"{state}\"");
            let (flwr, address) =
                if number == 0 { (old, server.fleet_grpc()) } else { (new, server.fleet_http()) };
            nodes.push(SuperNode::configured(flwr, server.folder(), &address, number, &config, &records));
            server.wait_for_nodes(number + 1, LONG);
        }
        Self { nodes, server, records, initial }
    }

    fn submit(&self, app: &str, more: &str) -> String {
        let bundle = Path::new(PEERS).join(app);
        self.server.submit(&format!(
            "model_ref: {}\napp: {{ flower: {{ bundle: {} }} }}\nevaluation: {{ federated: false }}\n{more}",
            self.initial.display(),
            bundle.display()
        ))
    }

    /// What nodes wrote down of a round.
    fn records(&self, round: usize) -> Vec<PathBuf> {
        let begins = format!("round-{round:03}-");
        let mut found: Vec<_> =
            fs::read_dir(&self.records).unwrap().map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&begins));
        found
    }

    /// Of what the records' nodes must keep to themselves, nothing lies anywhere in the server's data folder; of what
    /// they were sent, all does.
    fn holds_no_update(&self, flwr: &Flwr, records: &[PathBuf]) {
        let data = self.server.data();
        let arguments: Vec<_> =
            [data.as_path()].into_iter().chain(records.iter().map(PathBuf::as_path)).collect();
        let said = flwr.python("search.py", &arguments);
        println!("{}", said.trim());
        assert!(said.starts_with("0 of ") && !said.starts_with("0 of 0 "), "{said}");
        assert!(!said.contains(", 0 of "), "the search finds what is there: {said}");
    }
}

#[test]
fn masked_updates_of_flower_clients_lead_to_their_mean_and_lie_nowhere() {
    let Some(new) = Flwr::named_by("THUNDERLINE_FLWR_142") else { return };
    let Some(old) = Flwr::named_by("THUNDERLINE_FLWR_139") else { return };
    let _turn = turn::take();
    let mut site = Site::start(&new, &old, 4, 3);
    let id = site.submit(
        "masked-app",
        "num_rounds: 1\nmin_clients: 3\nround: { deadline: 240s }\nsecure_agg: { clip: 2 }\n",
    );
    // One has advertised its keys, and goes.
    let mut last = site.nodes.pop().unwrap();
    let spoken = || last.process.printed().contains("Sent successfully").then_some(());
    wait_for("the last node to have spoken", LONG, spoken);
    last.process.signal(Signal::INT);
    last.process.wait_for_end(LONG);
    let records = wait_for("the others to have trained", LONG, || {
        Some(site.records(1)).filter(|records| records.len() == 3)
    });
    // While what they send is being collected.
    site.holds_no_update(&new, &records);
    site.server.wait_until_completed(&id, LONG);
    let models = site.server.models(&id);
    assert_eq!(models.len(), 1, "one model a round");
    let last = site.server.folder().join("last.npz");
    fs::write(&last, site.server.content(&models[0], "npz")).unwrap();
    let said = new.python("fedavg.py", &[&site.records, &last, &site.initial, Path::new("--tolerance=1e-5")]);
    println!("{}", said.trim());
    assert!(said.starts_with("1 rounds, 3 updates"), "{said}");
    for number in 0..4 {
        let public = site.server.folder().join(format!("identity-{number}/secure.pub"));
        assert_eq!(fs::read_to_string(public).unwrap().trim().len(), 64);
    }
}

#[test]
fn the_mod_repeats_what_it_may_and_goes_no_way_back() {
    for release in ["THUNDERLINE_FLWR_142", "THUNDERLINE_FLWR_139"] {
        let Some(flwr) = Flwr::named_by(release) else { return };
        let folder = tempfile::tempdir().unwrap();
        assert!(flwr.python("secure_mod.py", &[folder.path()]).contains("all as it should be"));
    }
}
