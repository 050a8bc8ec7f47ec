//! Against Flower's own strategy classes, on random cases that one Python process works through.
//!
//! *Tolerance.* The median is equal. A trimmed mean differs by the rounding of its sum. An optimiser's step answers an error
//! in x̄ − x (which Flower rounds to the array's type) with at most 1 + η/τ times that error, so results agree within
//! 32·ε·s·(1 + η/τ), where ε belongs to the array's type and s is the largest magnitude at hand; η/τ is 0 for FedAvgM.

use std::{path::PathBuf, process::Command};

use serde_json::{Value, json};
use thunderline_numerics::{
    ArrayReader, ArraySpec, DType, MemoryArrays, ModelSchema, Weighted,
    optimiser::{Before, Optimiser, Part, optimised_mean},
    order::{OrderStatistic, order_statistic},
    random::Rng,
};

const CASES: usize = 200;
const ROUNDS: usize = 3;
const STRATEGIES: [&str; 6] = ["FedAvgM", "FedAdagrad", "FedAdam", "FedYogi", "FedMedian", "FedTrimmedAvg"];

enum Rule {
    Step(Optimiser),
    Order(OrderStatistic),
}

struct Case {
    strategy: &'static str,
    params: Value,
    rule: Rule,
    schema: ModelSchema,
    start: Vec<u8>,
    /// Every round's clients.
    rounds: Vec<Vec<(f64, Vec<u8>)>>,
}

fn between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.uniform()
}

/// Defaults in every other case.
fn rule(strategy: &str, default: bool, rng: &mut Rng) -> (Value, Rule) {
    let mut pick = |value: f64, low: f64, high: f64| if default { value } else { between(rng, low, high) };
    match strategy {
        "FedAvgM" => {
            let (learning_rate, momentum) = (pick(1.0, 0.1, 1.5), pick(0.0, 0.0, 0.95));
            let params = json!({ "server_learning_rate": learning_rate, "server_momentum": momentum });
            (params, Rule::Step(Optimiser::Momentum { learning_rate, momentum }))
        }
        "FedAdagrad" => {
            let (eta, tau) = (pick(0.1, 0.001, 1.0), pick(1e-3, 1e-3, 0.1));
            (json!({ "eta": eta, "tau": tau }), Rule::Step(Optimiser::Adagrad { eta, tau }))
        }
        "FedAdam" | "FedYogi" => {
            let eta = pick(if strategy == "FedAdam" { 0.1 } else { 0.01 }, 0.001, 1.0);
            let (beta_1, beta_2) = (pick(0.9, 0.0, 0.95), pick(0.99, 0.5, 0.999));
            let tau = pick(1e-3, 1e-3, 0.1);
            let params = json!({ "eta": eta, "beta_1": beta_1, "beta_2": beta_2, "tau": tau });
            let optimiser = if strategy == "FedAdam" {
                Optimiser::Adam { eta, beta_1, beta_2, tau }
            } else {
                Optimiser::Yogi { eta, beta_1, beta_2, tau }
            };
            (params, Rule::Step(optimiser))
        }
        "FedMedian" => (json!({}), Rule::Order(OrderStatistic::Median)),
        _ => {
            let beta = pick(0.2, 0.0, 0.499);
            (json!({ "beta": beta }), Rule::Order(OrderStatistic::TrimmedMean { beta }))
        }
    }
}

fn schema(rng: &mut Rng) -> ModelSchema {
    let arrays = (0..1 + rng.below(3))
        .map(|place| {
            let shape: Vec<usize> = (0..rng.below(4)).map(|_| 1 + rng.below(6) as usize).collect();
            let dtype = [DType::F32, DType::F64][rng.below(2) as usize];
            ArraySpec::new(format!("layer.{place}"), dtype, &shape)
        })
        .collect();
    ModelSchema::new(arrays).unwrap()
}

fn encode(schema: &ModelSchema, values: impl IntoIterator<Item = f64>) -> Vec<u8> {
    let mut values = values.into_iter();
    let mut bytes = Vec::new();
    for spec in schema.arrays() {
        for value in values.by_ref().take(spec.elements().unwrap()) {
            match spec.dtype {
                DType::F32 => bytes.extend((value as f32).to_le_bytes()),
                _ => bytes.extend(value.to_le_bytes()),
            }
        }
    }
    bytes
}

/// Each element with the ε of its type.
fn decode(schema: &ModelSchema, bytes: &[u8]) -> Vec<(f64, f64)> {
    let mut values = Vec::new();
    for (place, spec) in schema.arrays().iter().enumerate() {
        let start = schema.array_offset(place) as usize;
        let bytes = &bytes[start..start + schema.array_bytes(place) as usize];
        match spec.dtype {
            DType::F32 => values.extend(
                bytes
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|raw| (f64::from(f32::from_le_bytes(*raw)), f64::from(f32::EPSILON))),
            ),
            _ => values
                .extend(bytes.as_chunks::<8>().0.iter().map(|raw| (f64::from_le_bytes(*raw), f64::EPSILON))),
        }
    }
    values
}

fn case(strategy: &'static str, number: usize) -> Case {
    let mut rng = Rng::derive(number as u64, &["flower", strategy]);
    let (params, rule) = rule(strategy, number.is_multiple_of(2), &mut rng);
    let schema = schema(&mut rng);
    let elements = schema.elements() as usize;
    let centre: Vec<f64> = (0..elements).map(|_| rng.normal()).collect();
    let spread = between(&mut rng, 0.01, 1.0);
    let rounds = (0..ROUNDS)
        .map(|_| {
            (0..1 + rng.below(12))
                .map(|_| {
                    let values: Vec<_> = centre.iter().map(|x| x + spread * rng.normal()).collect();
                    ((1 + rng.below(1000)) as f64, encode(&schema, values))
                })
                .collect()
        })
        .collect();
    let start = encode(&schema, centre.iter().copied());
    Case { strategy, params, rule, schema, start, rounds }
}

impl Case {
    fn describe(&self) -> Value {
        let weights: Vec<Vec<f64>> =
            self.rounds.iter().map(|round| round.iter().map(|(weight, _)| *weight).collect()).collect();
        json!({ "strategy": self.strategy, "params": self.params, "arrays": self.schema.arrays(), "weights": weights })
    }

    fn state_schema(&self) -> Option<ModelSchema> {
        match &self.rule {
            Rule::Step(optimiser) => optimiser.state_schema(&self.schema).unwrap(),
            Rule::Order(_) => None,
        }
    }

    /// Our next model and state.
    fn round(&self, number: usize, model: &[u8], state: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let memory =
            |schema: &ModelSchema, bytes: &[u8]| MemoryArrays::new(schema.clone(), bytes.to_vec()).unwrap();
        let clients = &self.rounds[number];
        let readers: Vec<_> = clients.iter().map(|(_, bytes)| memory(&self.schema, bytes)).collect();
        let (mut next, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
        match &self.rule {
            Rule::Order(statistic) => {
                let readers: Vec<_> = readers.iter().map(|reader| reader as &dyn ArrayReader).collect();
                order_statistic(&self.schema, &readers, *statistic, 1, &mut |piece| {
                    next.extend_from_slice(piece);
                    Ok(())
                })
                .unwrap();
            }
            Rule::Step(optimiser) => {
                let updates: Vec<_> = readers
                    .iter()
                    .zip(clients)
                    .map(|(reader, &(weight, _))| Weighted { reader, weight })
                    .collect();
                let model = memory(&self.schema, model);
                let state = self.state_schema().filter(|_| number > 0).map(|schema| memory(&schema, state));
                let state = state.as_ref().map(|state| state as &dyn ArrayReader);
                let before = Before { model: &model, state, round: number as u32 + 1 };
                optimised_mean(&self.schema, &updates, optimiser, before, 1, &mut |part, piece| {
                    match part {
                        Part::Model => next.extend_from_slice(piece),
                        Part::First => first.extend_from_slice(piece),
                        Part::Second => second.extend_from_slice(piece),
                    }
                    Ok(())
                })
                .unwrap();
            }
        }
        (next, [first, second].concat())
    }

    /// How many ε of the largest magnitude two results may differ.
    fn factor(&self) -> f64 {
        match self.rule {
            Rule::Order(OrderStatistic::Median) => 0.0,
            Rule::Order(OrderStatistic::TrimmedMean { .. }) | Rule::Step(Optimiser::Momentum { .. }) => 32.0,
            Rule::Step(
                Optimiser::Adagrad { eta, tau }
                | Optimiser::Adam { eta, tau, .. }
                | Optimiser::Yogi { eta, tau, .. },
            ) => 32.0 * (1.0 + eta / tau),
        }
    }

    /// Compares round by round, each from the model that Flower had. Gives the bytes of results that belong to this case.
    fn compare(&self, results: &[u8]) -> usize {
        let state_schema = self.state_schema();
        let (mut model, mut state, mut used) = (self.start.clone(), Vec::new(), 0);
        for number in 0..ROUNDS {
            let (next, after) = self.round(number, &model, &state);
            let wanted = &results[used..used + next.len()];
            let wanted_state = &results[used + next.len()..used + next.len() + after.len()];
            used += next.len() + after.len();
            self.near(number, &self.schema, &next, wanted);
            if let Some(schema) = &state_schema {
                self.near(number, schema, &after, wanted_state);
            }
            (model, state) = (wanted.to_vec(), after);
        }
        used
    }

    fn near(&self, round: usize, schema: &ModelSchema, ours: &[u8], flower: &[u8]) {
        let (ours, flower) = (decode(schema, ours), decode(schema, flower));
        let updates = self.rounds[round].iter().flat_map(|(_, bytes)| decode(&self.schema, bytes));
        let scale =
            updates.chain(flower.iter().copied()).fold(1.0, |most: f64, (value, _)| most.max(value.abs()));
        for (place, ((ours, epsilon), (flower, _))) in ours.into_iter().zip(flower).enumerate() {
            let allowed = self.factor() * epsilon * scale;
            assert!(
                (ours - flower).abs() <= allowed,
                "{}, round {}, element {place}: {ours}, Flower has {flower}, allowed is {allowed:e}",
                self.describe(),
                round + 1
            );
        }
    }
}

/// Flower's Python, or `None` where the tests were asked to leave the peers out.
fn python() -> Option<PathBuf> {
    if let Some(programs) = std::env::var_os("THUNDERLINE_FLWR_142") {
        return Some(PathBuf::from(programs).join("python"));
    }
    let quick = std::env::var("THUNDERLINE_QUICK").is_ok_and(|value| value == "1");
    assert!(
        quick,
        "THUNDERLINE_FLWR_142 names no folder with Flower's programs: run the test by `cargo xtask with cargo test …`, or \
         leave the Flower peers out with THUNDERLINE_QUICK=1"
    );
    None
}

#[test]
fn every_strategy_equals_flowers_own_on_random_cases() {
    let Some(python) = python() else {
        eprintln!("skipped: THUNDERLINE_QUICK=1");
        return;
    };
    let cases: Vec<Case> =
        STRATEGIES.iter().flat_map(|strategy| (0..CASES).map(|number| case(strategy, number))).collect();
    let folder = tempfile::tempdir().unwrap();
    let described: Vec<_> = cases.iter().map(Case::describe).collect();
    std::fs::write(folder.path().join("cases.json"), serde_json::to_vec(&described).unwrap()).unwrap();
    let data: Vec<u8> = cases
        .iter()
        .flat_map(|case| {
            let updates = case.rounds.iter().flatten().flat_map(|(_, bytes)| bytes);
            case.start.iter().chain(updates).copied()
        })
        .collect();
    std::fs::write(folder.path().join("data.bin"), data).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/strategies.py");
    let output = Command::new(&python)
        .arg(script)
        .arg(folder.path())
        .env("FLWR_TELEMETRY_ENABLED", "0")
        .env("FLWR_DISABLE_UPDATE_CHECK", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = std::fs::read(folder.path().join("results.bin")).unwrap();
    let used = cases.iter().fold(0, |used, case| used + case.compare(&results[used..]));
    assert_eq!(used, results.len(), "Flower wrote more than was compared");
}
