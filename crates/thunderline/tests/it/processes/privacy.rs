//! Differential privacy with the real server and real runners: the noise is there, the digits are learnt all the same, what is
//! shown is what the accountant says, and what is spent is spent.

use std::{collections::BTreeMap, fs};

use serde_json::Value;
use thunderline_numerics::{
    checkpoint::CheckpointHeader,
    privacy::{Accountant, Plan, Sampling},
};

use super::{
    group::Group,
    node::start_runner,
    server::{Server, said},
    turn,
    wait::{LONG, wait_for},
};

const RUNNERS: usize = 8;
const DIGITS: &str = include_str!("../../../../../data/digits/digits.csv");

/// Every fifth digit is held out; the others go to the runners in turn.
fn prepare(server: &Server) -> Vec<Group> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (place, line) in DIGITS.lines().enumerate() {
        let name = if place % 5 == 4 { "held-out".to_owned() } else { format!("site-{}", place % RUNNERS) };
        let file = files.entry(name).or_default();
        file.push_str(line);
        file.push('\n');
    }
    for (name, text) in &files {
        fs::write(server.folder().join(format!("{name}.csv")), text).unwrap();
    }
    let runners = (0..RUNNERS)
        .map(|runner| {
            let data = server.folder().join(format!("site-{runner}.csv"));
            let arguments = ["--data", data.to_str().unwrap(), "--feature-scale", "16"];
            start_runner(server, &format!("site-{runner}"), &arguments)
        })
        .collect();
    server.wait_for_nodes(RUNNERS, LONG);
    runners
}

fn spec(server: &Server, rounds: u32, learning_rate: f64, dp: &str) -> String {
    let held_out = server.folder().join("held-out.csv");
    format!(
        "model_ref: builtin:softmax(64,10)
num_rounds: {rounds}
min_clients: {RUNNERS}
app: {{ builtin: {{ learning_rate: {learning_rate}, momentum: 0, batch_size: 16, local_epochs: 2 }} }}
evaluation: {{ server: {{ data: {}, scale: 16 }} }}
seed: 1
dp: {dp}
",
        held_out.display()
    )
}

fn elements(server: &Server, model: &Value) -> Vec<f64> {
    let bytes = server.content(model, "safetensors");
    let header = CheckpointHeader::read(&mut bytes.as_slice()).unwrap();
    bytes[header.data_offset as usize..]
        .chunks_exact(4)
        .map(|raw| f64::from(f32::from_le_bytes(raw.try_into().unwrap())))
        .collect()
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {value:#}"))
}

#[test]
fn a_private_federation_is_noisy_learns_and_stops_where_its_budget_does() {
    let _turn = turn::take();
    let server = Server::start();
    let _runners = prepare(&server);

    // Clients that learn next to nothing: what moves the models is noise.
    let quiet = "{ epsilon: 2, delta: 1.0e-5, clip_norm: 0.5, placement: client }";
    let id = server.submit(&spec(&server, 4, 1e-9, quiet));
    let shown = server.wait_until_completed(&id, LONG);
    let z = number(&shown, "/spec/dp/noise_multiplier");
    let models: Vec<_> = server.models(&id).iter().map(|model| elements(&server, model)).collect();
    let steps: Vec<f64> =
        models.windows(2).flat_map(|pair| pair[1].iter().zip(&pair[0]).map(|(b, a)| b - a)).collect();
    let found = (steps.iter().map(|step| step * step).sum::<f64>() / steps.len() as f64).sqrt();
    let wanted = z * 0.5 / RUNNERS as f64;
    assert!(steps.len() == 3 * 650 && (found / wanted - 1.0).abs() < 0.08, "{found} instead of {wanted}");
    let plan = Plan { accountant: Accountant::Pld, sampling: Sampling::All, noise_multiplier: z };
    let accounted = plan.epsilon(4, 1e-5);
    assert!((number(&shown, "/privacy/epsilon") - accounted).abs() < 1e-8 && accounted <= 2.0, "{shown:#}");

    // Eight clients hide little of each other: a generous ε, and the digits are learnt.
    let loud = "{ epsilon: 600, delta: 0.01, clip_norm: 2 }";
    let id = server.submit(&spec(&server, 12, 0.1, loud));
    server.wait_until_completed(&id, LONG);
    let rollups = server.rest().list(&format!("/api/v1/federations/{id}/rollups"));
    let accuracy = number(&rollups[11], "/server/accuracy");
    println!("accuracy {accuracy} after 12 rounds at ε = 600");
    assert!(accuracy > 0.75, "{accuracy}");
    assert_eq!(rollups[11]["train"]["metrics"], serde_json::json!({}), "clients' metrics are not told");

    // What is spent stays spent, and the next federation pays for one round only.
    let spent = server.json(&["privacy", "budgets", "show", "*"]);
    let limit = number(&spent, "/epsilon_spent") + 1.5;
    let set =
        server.json(&["privacy", "budgets", "set", "*", "--epsilon", &limit.to_string(), "--delta", "0.1"]);
    assert_eq!(set["epsilon_limit"].as_f64(), Some(limit));
    let id = server.submit(&spec(&server, 4, 0.1, "{ epsilon: 2, delta: 1.0e-5, clip_norm: 1 }"));
    let ended = wait_for("the budget to end the federation", LONG, || {
        let shown = server.federation(&id);
        shown["completed_at"].is_string().then_some(shown)
    });
    let reason = ended["reason"].as_str().unwrap();
    assert!(reason.starts_with("privacy_budget_exhausted"), "{reason}");
    let paid = number(&ended, "/privacy/rounds") as usize;
    assert!((1..4).contains(&paid) && server.models(&id).len() == paid, "{ended:#}");
    let budgets = server.json(&["privacy", "budgets", "list"]);
    for budget in budgets["items"].as_array().unwrap() {
        let limit = budget["epsilon_limit"].as_f64().unwrap_or(f64::INFINITY);
        assert!(number(budget, "/epsilon_spent") <= limit, "{budget}");
    }
    let open = spec(&server, 1, 0.1, "null");
    let file = server.folder().join("open.yaml");
    fs::write(&file, open).unwrap();
    let refused = server.command(&["federations", "submit", "-f", file.to_str().unwrap()]).output().unwrap();
    assert!(
        !refused.status.success() && said(&refused).contains("has a privacy budget"),
        "{}",
        said(&refused)
    );
}
