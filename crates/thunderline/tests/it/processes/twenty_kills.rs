//! Issue: a server that dies at any moment loses no update and counts none twice.
//!
//! The last update of each runner is held back until the kills are over, lest the federation end before them: how fast rounds
//! are on a machine that does other things as well is known of the past only.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use thunderline_core::{Clock, Random, SystemClock, SystemRandom, Timestamp};

use super::{
    group::Group,
    model::Uniform,
    node::start_runner,
    server::Server,
    turn,
    wait::{LONG, wait_for},
};

pub(super) const RUNNERS: u32 = 6;

/// A trainer without arithmetic: answers with the update that the test has prepared for this runner and round, as soon as that
/// is there.
const TRAINER: &str = r#"
job=$(cat)
text() { printf %s "$job" | sed -n "s|.*\"$1\":\"\([^\"]*\)\".*|\1|p"; }
if [ "$(text task)" = train ]; then
    round=$(printf %s "$job" | sed -n 's|.*"round":\([0-9]*\).*|\1|p')
    data=$(text data) update=$(text data)/$round.safetensors
    until [ -e "$update" ]; do [ -d "$data" ] && sleep 0.2 || exit 1; done
    cp "$update" "$(text output_model)" || exit 1
fi
echo '{"num_examples": 1, "metrics": {"loss": 1.0}}'
"#;

/// What runner `k` answers in a round: a power of two that is its own, and the round, so that neither the same update
/// twice, nor another's, nor one of another round can stand in for it.
fn update(runner: u32, round: u64) -> f64 {
    f64::from(1 << runner) + 64.0 * round as f64
}

/// A number from the surroundings, for longer runs by hand.
pub(super) fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Uniform in [0, 1).
pub(super) fn chance() -> f64 {
    let mut bytes = [0; 4];
    SystemRandom.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

#[test]
fn a_federation_survives_twenty_kills_and_counts_every_update_once() {
    let kills = setting("THUNDERLINE_KILLS", 20);
    let rounds = setting("THUNDERLINE_KILL_ROUNDS", kills + 8);
    let _turn = turn::take();
    let mut server = Server::start();
    let _runners = prepare(&server, rounds);
    let spec = format!(
        "name: powers
model_ref: initial.safetensors
app: {{ command: {{ name: powers }} }}
num_rounds: {rounds}
min_clients: {RUNNERS}
round: {{ deadline: 600s, quorum: 1.0 }}
evaluation: {{ federated: true, every: 3 }}
seed: 1
"
    );
    let id = server.submit(&spec);
    let pace = pace(&server, &id);
    let moments = kill_at_random_moments(&mut server, kills, pace);
    assert_ne!(server.federation(&id)["state"], "completed", "the kills came after the end");
    let began = Instant::now();
    let_it_end(&server, rounds);
    let federation = server.wait_until_completed(&id, LONG);
    println!("{} rounds; {:.1} s from the last kill to the end", rounds, began.elapsed().as_secs_f64());
    let events = server.rest().events();
    print_phases(&events, &moments);

    assert_eq!(federation["completed_rounds"], rounds);
    let counted = |name: &str, purpose: &str| {
        let of = |event: &&Value| {
            event["name"] == name && event["payload"]["purpose"].as_str().is_none_or(|it| it == purpose)
        };
        events.iter().filter(of).count() as u64
    };
    assert_eq!(counted("fl.client.update_accepted", "train"), rounds * u64::from(RUNNERS));
    assert_eq!((counted("fl.aggregate.completed", ""), counted("fl.round.completed", "")), (rounds, rounds));
    assert_eq!((counted("fl.round.failed", ""), counted("fl.client.dropped", "")), (0, 0));
    every_round_counted_everybody_once(&server, &id, rounds);
    nothing_is_left_behind(&server);
}

/// Files and runners; the files stay in the server's folder. The updates of the last round come by [`let_it_end`].
pub(super) fn prepare(server: &Server, rounds: u64) -> Vec<Group> {
    let (model, folder) = (Uniform::new(), server.folder());
    model.write(&folder.join("initial.safetensors"), 0.0);
    let script = folder.join("trainer.sh");
    fs::write(&script, TRAINER).unwrap();
    let command = format!("powers=/bin/sh {}", script.display());
    let runners = (0..RUNNERS)
        .map(|runner| {
            let data = folder.join(format!("updates-{runner}"));
            fs::create_dir(&data).unwrap();
            for round in 1..rounds {
                model.write(&data.join(format!("{round}.safetensors")), update(runner, round));
            }
            let arguments = ["--data", data.to_str().unwrap(), "--command", &command];
            start_runner(server, &format!("powers-{runner}"), &arguments)
        })
        .collect();
    server.wait_for_nodes(RUNNERS as usize, LONG);
    runners
}

/// Gives the runners that were prepared for so many rounds their last updates.
pub(super) fn let_it_end(server: &Server, rounds: u64) {
    for runner in 0..RUNNERS {
        let data = server.folder().join(format!("updates-{runner}"));
        let half = data.join("half");
        Uniform::new().write(&half, update(runner, rounds));
        fs::rename(half, data.join(format!("{rounds}.safetensors"))).unwrap();
    }
}

/// How long three rounds in a row take on this machine, a round on average.
pub(super) fn pace(server: &Server, id: &str) -> Duration {
    let reached = |rounds: u64| {
        wait_for("the first rounds", LONG, || {
            (server.federation(id)["completed_rounds"].as_u64().unwrap() >= rounds).then(Instant::now)
        })
    };
    let first = reached(1);
    (reached(4) - first) / 3
}

/// Kills the server again and again: while it works, while nodes come back to it, and while it starts. Gives when.
fn kill_at_random_moments(server: &mut Server, kills: u64, pace: Duration) -> Vec<Timestamp> {
    let mut moments = Vec::new();
    let mut starting = Duration::ZERO;
    for kill in 1..=kills {
        // What is tested is the moment itself, hence a plain sleep.
        let (share, waits) = (chance(), kill % 5 != 0);
        thread::sleep(if waits { pace.mul_f64(2.0 * share) } else { starting.mul_f64(share) });
        moments.push(SystemClock.now());
        server.kill();
        let began = Instant::now();
        // Every fifth time the next kill may come before the server is ready.
        if kill % 5 == 4 && kill < kills {
            server.launch();
        } else {
            server.restart();
            starting = began.elapsed();
        }
    }
    println!("{kills} kills; a round took {pace:.2?} before, a restart {starting:.2?}");
    moments
}

/// What had happened last when each kill came.
fn print_phases(events: &[Value], moments: &[Timestamp]) {
    let time = |event: &Value| event["time"].as_str().unwrap().parse::<Timestamp>().unwrap();
    let mut phases: BTreeMap<String, u32> = BTreeMap::new();
    for moment in moments {
        let before = events.iter().rev().filter(|event| time(event) <= *moment);
        let names: Vec<_> = before.map(|event| event["name"].as_str().unwrap()).collect();
        let taken = names.iter().take_while(|name| **name == "fl.client.update_accepted").count();
        let phase = match (taken, names.first()) {
            (0, name) => (*name.unwrap_or(&"nothing")).to_owned(),
            (1..6, _) => "some updates taken".to_owned(),
            (_, _) => "all updates taken".to_owned(),
        };
        *phases.entry(phase).or_default() += 1;
    }
    println!("when each kill came: {phases:?}");
}

pub(super) fn every_round_counted_everybody_once(server: &Server, id: &str, rounds: u64) {
    let (rest, model) = (server.rest(), Uniform::new());
    let path = format!("/api/v1/federations/{id}");
    let (tried, models) = (rest.list(&format!("{path}/rounds")), server.models(id));
    assert_eq!((tried.len() as u64, models.len() as u64), (rounds, rounds), "one try and one model a round");
    let mut parent = None;
    for (number, (round, artifact)) in (1..).zip(tried.iter().zip(&models)) {
        assert_eq!(
            (&round["number"], &round["attempt"]),
            (&Value::from(number), &Value::from(1)),
            "{round:#}"
        );
        assert_eq!(round["state"], "completed", "{round:#}");
        assert_eq!(round["model_out"], artifact["sha256"]);
        assert!(parent.is_none_or(|parent| parent == &round["model_in"]), "{round:#}");
        parent = Some(&round["model_out"]);

        // 1 + 2 + 4 + 8 + 16 + 32: no other six of these numbers have this sum.
        let sum: f64 = (0..RUNNERS).map(|runner| update(runner, number)).sum();
        let mean = model.read(&server.content(artifact, "safetensors"));
        assert_eq!(mean * f64::from(RUNNERS), sum, "round {number} counted other updates: {artifact:#}");
        let clients = artifact["metadata"]["clients"].as_array().unwrap();
        let distinct: BTreeSet<_> = clients.iter().map(|client| client["node"].to_string()).collect();
        assert_eq!((clients.len(), distinct.len()), (RUNNERS as usize, RUNNERS as usize), "{artifact:#}");
        assert!(clients.iter().all(|client| client["num_examples"] == 1.0), "{artifact:#}");

        let leases = rest.list(&format!("/api/v1/rounds/{}/leases", round["id"].as_str().unwrap()));
        let taken = |purpose: &str| {
            leases.iter().filter(|lease| lease["purpose"] == purpose && lease["state"] == "released").count()
        };
        assert_eq!(taken("train"), RUNNERS as usize, "{leases:#?}");
        let judged = number % 3 == 0 || number == rounds;
        assert_eq!(taken("evaluate"), if judged { RUNNERS as usize } else { 0 }, "{leases:#?}");
    }
    let rollups = rest.list(&format!("{path}/rollups"));
    assert_eq!(rollups.len() as u64, rounds);
    assert!(rollups.iter().all(|rollup| rollup["train"]["num_examples"] == f64::from(RUNNERS)));
}

/// What nodes uploaded for rounds that are over is gone, whatever the kills interrupted.
pub(super) fn nothing_is_left_behind(server: &Server) {
    let uploads = server.data().join("objects/rounds");
    wait_for("uploads of ended rounds to be removed", LONG, || {
        let left = fs::read_dir(&uploads).map_or(0, Iterator::count);
        (left == 0).then_some(())
    });
}
