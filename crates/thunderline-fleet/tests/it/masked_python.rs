//! Secure aggregation and differential privacy together, with the mod that Flower's clients get from the Python package.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
};

use federation::state::FederationState;
use serde_json::{Value, json};
use thunderline_core::{Result, hex};
use thunderline_flower::{Kind, record::ConfigValue};
use thunderline_testkit::{Engine, TestDb};

use crate::{
    client::{Client, Task, Transport},
    edge::Edge,
    masked::{asked, reply, value},
};

const NODES: usize = 3;
const NUMBERS: usize = 1000;
/// The norm that updates are clipped to, and the noise's deviation in norms.
const NORM: f64 = 0.5;
const NOISE: f64 = 0.05;

/// The nodes' processes, as one.
struct Python {
    process: Child,
    answers: BufReader<ChildStdout>,
}

impl Python {
    /// `None` where these tests are left out.
    fn start() -> Option<Self> {
        let folder = thunderline_testkit::peer("THUNDERLINE_FLWR_142")?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/secure_nodes.py");
        let mut command = Command::new(folder.join("python"));
        command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("OMP_NUM_THREADS", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("FLWR_TELEMETRY_ENABLED", "0");
        let mut process = command.spawn().expect("Python can be started");
        let answers = BufReader::new(process.stdout.take().expect("its output is piped"));
        Some(Self { process, answers })
    }

    /// What a node's app says to the message of an exchange.
    fn said(&mut self, node: usize, task: &Task) -> Vec<u8> {
        let asked = asked(task);
        let text = |key: &str| match value(&asked, key) {
            Some(ConfigValue::Text(text)) => text.clone(),
            other => panic!("{key}: {other:?}"),
        };
        let told = match value(&asked, "told") {
            Some(ConfigValue::Bytes(told)) => Some(hex::encode(told)),
            _ => None,
        };
        let with_model = task.objects.iter().any(|object| object.kind == Kind::ArrayRecord);
        let line = json!({
            "node": node, "exchange": text("exchange"), "terms": text("terms"), "dimension": NUMBERS, "told": told,
            "arrays": with_model.then(|| vec![0.0; NUMBERS]),
        });
        writeln!(self.process.stdin.as_mut().expect("its input is piped"), "{line}").expect("it reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        let answer: Value = serde_json::from_str(&answer).expect("answers are JSON");
        unhex(answer["said"].as_str().unwrap_or_else(|| panic!("node {node}: {answer}")))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().expect("it ends with its input");
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).expect("a digit")).expect("below 16");
    text.as_bytes().as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)).collect()
}

async fn round(edge: &Edge, python: &mut Python) -> Result<Vec<f32>> {
    let clients: Vec<_> = (0..NODES).map(|_| Client::new(Transport::Http)).collect();
    for client in &clients {
        client.join(edge).await.expect("it may join");
    }
    edge.relay().await?;
    let more = format!(
        "secure_agg: true\nround: {{deadline: 800}}\n\
         dp: {{clip_norm: {NORM}, epsilon: 1000, delta: 0.1, noise_multiplier: {NOISE}}}\n"
    );
    let federation = edge.federation_from(&[NUMBERS], &[0.0; NUMBERS], NODES, &more).await?;
    for _exchange in 0..5 {
        for (node, client) in clients.iter().enumerate() {
            let task = client.task(edge).await.expect("it may pull").expect("it is its turn");
            let said = python.said(node, &task);
            client.answer(edge, &reply(client, &task, &said, 1 << 20)).await.expect("it is taken");
        }
        edge.drive(&federation).await?;
    }
    assert_eq!(edge.get(&federation).await?.state, FederationState::Completed);
    edge.model_of(&federation).await
}

/// Each node's training goes hundreds of norms along one direction. What is released is one norm along it, and noise.
async fn moves_one_norm(t: TestDb) -> Result<()> {
    let Some(mut python) = Python::start() else { return Ok(()) };
    let edge = Edge::new(t)?;
    let model = round(&edge, &mut python).await?;
    let each = 1.0 / (NUMBERS as f64).sqrt();
    let along = |place: usize| if place.is_multiple_of(2) { each } else { -each };
    let way: f64 = model.iter().enumerate().map(|(place, moved)| f64::from(*moved) * along(place)).sum();
    let noise: Vec<f64> =
        model.iter().enumerate().map(|(place, moved)| f64::from(*moved) - NORM * along(place)).collect();
    let deviation = (noise.iter().map(|number| number * number).sum::<f64>() / NUMBERS as f64).sqrt();
    let wanted = NOISE * NORM / NODES as f64;
    // Six deviations of the noise along one direction, and of its estimate from as many numbers.
    assert!((way - NORM).abs() < 6.0 * wanted, "{way} of a norm of {NORM}");
    assert!(
        (deviation / wanted - 1.0).abs() < 6.0 / (2.0 * NUMBERS as f64).sqrt(),
        "{deviation}, not {wanted}"
    );
    Ok(())
}

#[test]
fn what_flower_clients_train_is_clipped_before_it_is_masked_and_the_sum_has_its_noise() {
    // It is about clients: one engine will do.
    thunderline_testkit::run(Engine::Sqlite, crate::MIGRATIONS, moves_one_norm);
}
