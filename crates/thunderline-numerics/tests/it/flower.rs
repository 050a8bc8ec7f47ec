//! Against Flower's own strategy classes, and against the papers' formulas in NumPy where Flower has none or differs, on
//! random cases that one Python process works through.
//!
//! *Tolerance.* The median is equal. Sums differ by their rounding: results agree within 32·ε·s, where ε belongs to the array's
//! type and s is the largest magnitude at hand. An adaptive step answers an error in x̄ − x (which Flower rounds to the array's
//! type) with at most 1 + η/τ times that error.
//!
//! *Krum.* Flower's distances in `float32` are wrong where updates are close to each other, so the cases for it are far apart.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command},
};

use serde_json::{Value, json};
use thunderline_numerics::{
    ArrayReader, ArraySpec, DType, MemoryArrays, ModelSchema,
    random::Rng,
    strategy::{Allowed, Earlier, Kind, Part, Round, Strategy, Update},
};

use crate::peer::peer;

const CASES: usize = 200;
/// Rounds of a case where something is kept from one to the next, or older models are used; one otherwise.
const ROUNDS: usize = 3;

/// How many models ago a client began, where that matters: for the other side.
const STALENESS: &str = "staleness";

/// A strategy and what it is compared with.
struct Subject {
    /// Ours.
    name: &'static str,
    /// Flower's class, or the formula's.
    peer: &'static str,
    flower: bool,
    /// Parameters of ours that the other side does not have, with their values.
    fixed: &'static [(&'static str, f64)],
}

const fn flower(name: &'static str, peer: &'static str) -> Subject {
    Subject { name, peer, flower: true, fixed: &[] }
}

const fn formula(name: &'static str, peer: &'static str) -> Subject {
    Subject { name, peer, flower: false, fixed: &[] }
}

const SUBJECTS: [Subject; 19] = [
    flower("fedavg", "FedAvg"),
    flower("fedavgm", "FedAvgM"),
    flower("fedadagrad", "FedAdagrad"),
    flower("fedadam", "FedAdam"),
    flower("fedyogi", "FedYogi"),
    flower("fedmedian", "FedMedian"),
    flower("fedtrimmedavg", "FedTrimmedAvg"),
    flower("fedprox", "FedProx"),
    flower("krum", "Krum"),
    flower("multikrum", "MultiKrum"),
    Subject { fixed: &[("iterated", 0.0)], ..flower("bulyan", "Bulyan") },
    flower("qfedavg", "QFedAvg"),
    Subject { fixed: &[("iterated", 1.0)], ..formula("bulyan", "Bulyan") },
    formula("geometricmedian", "GeometricMedian"),
    formula("centeredclipping", "CenteredClipping"),
    formula("normbounded", "NormBounded"),
    formula("fednova", "FedNova"),
    formula("scaffold", "Scaffold"),
    formula("fedbuff", "FedBuff"),
];

/// A client's metrics and its update.
type Client = (BTreeMap<String, f64>, Vec<u8>);

struct Case {
    subject: &'static Subject,
    params: Vec<(&'static str, f64)>,
    strategy: Box<dyn Strategy>,
    client_fraction: f64,
    schema: ModelSchema,
    start: Vec<u8>,
    /// Every round's clients.
    rounds: Vec<Vec<Client>>,
}

fn between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.uniform()
}

/// Defaults in every other case, where there is one.
fn params(subject: &Subject, default: bool, rng: &mut Rng) -> Vec<(&'static str, f64)> {
    let kind = Kind::named(subject.name).unwrap();
    let pick = |param: &thunderline_numerics::strategy::Param| {
        if let Some(&(name, value)) = subject.fixed.iter().find(|(name, _)| *name == param.name) {
            return (name, value);
        }
        let value = match (param.name, param.allowed) {
            ("num_malicious_nodes", _) => rng.below(3) as f64,
            ("num_nodes_to_select", _) => (1 + rng.below(6)) as f64,
            ("iterations", _) => (1 + rng.below(5)) as f64,
            ("smoothing", _) => 1e-6,
            ("buffer_size" | "max_staleness" | "max_concurrency", _) => param.default.unwrap(),
            _ if default && param.default.is_some() => param.default.unwrap(),
            ("tau", _) => between(rng, 1e-3, 0.1),
            ("clipping_radius" | "max_norm", _) => between(rng, 0.1, 10.0),
            ("client_learning_rate", _) => between(rng, 0.01, 1.0),
            ("beta_2", _) => between(rng, 0.5, 0.999),
            (_, Allowed::Decay) => between(rng, 0.0, 0.95),
            (_, Allowed::Trim) => between(rng, 0.0, 0.499),
            _ => between(rng, 0.001, 1.5),
        };
        (param.name, value)
    };
    kind.params.iter().map(pick).collect()
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

fn case(subject: &'static Subject, number: usize) -> Case {
    let mut rng = Rng::derive(number as u64, &["strategy", subject.name, subject.peer]);
    let params = params(subject, number.is_multiple_of(2), &mut rng);
    let strategy = Kind::named(subject.name).unwrap().with(&params).unwrap();
    let liars =
        params.iter().find(|(name, _)| *name == "num_malicious_nodes").map(|(_, value)| *value as u64);
    let schema = schema(&mut rng);
    let elements = schema.elements() as usize;
    let centre: Vec<f64> = (0..elements).map(|_| rng.normal()).collect();
    let spread = between(&mut rng, if liars.is_some() { 0.5 } else { 0.01 }, 1.0);
    // With one neighbour in a score, the closest two have the same one.
    let least = liars.map_or(1, |liars| (liars + 4).max(strategy.least_updates() as u64));
    let buffered = strategy.buffer().is_some();
    let count = if buffered || strategy.state(&schema).unwrap().is_some() { ROUNDS } else { 1 };
    let rounds = (0..count)
        .map(|round| {
            (0..least + rng.below(12))
                .map(|_| {
                    let values: Vec<_> = centre.iter().map(|x| x + spread * rng.normal()).collect();
                    let metrics = [
                        ("num-examples", (1 + rng.below(1000)) as f64),
                        ("num-steps", (1 + rng.below(60)) as f64),
                        ("train_loss", between(&mut rng, 0.0, 3.0)),
                    ];
                    let metrics = metrics.map(|(name, value)| (name.to_owned(), value));
                    let mut metrics = BTreeMap::from(metrics);
                    if buffered {
                        metrics.insert(STALENESS.into(), rng.below(round as u64 + 1) as f64);
                    }
                    (metrics, encode(&schema, values))
                })
                .collect()
        })
        .collect();
    let start = encode(&schema, centre.iter().copied());
    let client_fraction = between(&mut rng, 0.05, 1.0);
    Case { subject, params, strategy, client_fraction, schema, start, rounds }
}

impl Case {
    fn describe(&self) -> Value {
        let kind = Kind::named(self.subject.name).unwrap();
        let params: serde_json::Map<String, Value> = kind
            .params
            .iter()
            .zip(&self.params)
            .filter(|(_, (name, _))| self.subject.fixed.iter().all(|(fixed, _)| fixed != name))
            .map(|(param, &(name, value))| {
                let whole = matches!(param.allowed, Allowed::Whole(..));
                (name.to_owned(), if whole { json!(value as u64) } else { json!(value) })
            })
            .collect();
        let metrics: Vec<Vec<_>> =
            self.rounds.iter().map(|round| round.iter().map(|(metrics, _)| metrics).collect()).collect();
        json!({
            "peer": if self.subject.flower { "flower" } else { "formula" }, "strategy": self.subject.peer,
            "params": params, "arrays": self.schema.arrays(), "metrics": metrics,
            "client_fraction": self.client_fraction,
        })
    }

    fn state_schema(&self) -> Option<ModelSchema> {
        self.strategy.state(&self.schema).unwrap()
    }

    /// Our next model and state, after these models.
    fn round(&self, models: &[Vec<u8>], state: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let number = models.len() - 1;
        let memory =
            |schema: &ModelSchema, bytes: &[u8]| MemoryArrays::new(schema.clone(), bytes.to_vec()).unwrap();
        let clients = &self.rounds[number];
        let readers: Vec<_> = clients.iter().map(|(_, bytes)| memory(&self.schema, bytes)).collect();
        let models: Vec<_> = models.iter().map(|model| memory(&self.schema, model)).collect();
        let earlier = |metrics: &BTreeMap<String, f64>| {
            let versions = metrics.get(STALENESS).map_or(0, |versions| *versions as u32);
            let model = &models[number - versions as usize];
            (versions > 0).then_some(Earlier { model, versions })
        };
        let updates: Vec<_> = readers
            .iter()
            .zip(clients)
            .map(|(reader, (metrics, _))| {
                self.strategy.check_metrics(metrics).unwrap();
                let began = earlier(metrics);
                Update { reader, weight: metrics["num-examples"], metrics, began }
            })
            .collect();
        let state = self.state_schema().filter(|_| number > 0).map(|schema| memory(&schema, state));
        let round = Round {
            schema: &self.schema,
            model: &models[number],
            state: state.as_ref().map(|state| state as &dyn ArrayReader),
            number: number as u32 + 1,
            participation: self.client_fraction,
            updates: &updates,
            threads: 1,
        };
        let (mut next, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
        self.strategy
            .aggregate(&round, &mut |part, piece| {
                match part {
                    Part::Model => next.extend_from_slice(piece),
                    Part::First => first.extend_from_slice(piece),
                    Part::Second => second.extend_from_slice(piece),
                }
                Ok(())
            })
            .unwrap();
        (next, [first, second].concat())
    }

    /// How many ε of the largest magnitude two results may differ.
    fn factor(&self) -> f64 {
        let value =
            |wanted: &str| self.params.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        match self.subject.name {
            "fedmedian" => 0.0,
            _ => 32.0 * (1.0 + value("tau").map_or(0.0, |tau| value("eta").unwrap_or(0.0) / tau)),
        }
    }

    /// Compares round by round, each from the model that Flower had. Gives the bytes of results that belong to this case.
    fn compare(&self, results: &[u8]) -> usize {
        let state_schema = self.state_schema();
        let (mut models, mut state, mut used) = (vec![self.start.clone()], Vec::new(), 0);
        for number in 0..self.rounds.len() {
            let (next, after) = self.round(&models, &state);
            let wanted = &results[used..used + next.len()];
            let wanted_state = &results[used + next.len()..used + next.len() + after.len()];
            used += next.len() + after.len();
            self.near(number, &self.schema, &next, wanted);
            if let Some(schema) = &state_schema {
                self.near(number, schema, &after, wanted_state);
            }
            models.push(wanted.to_vec());
            state = after;
        }
        used
    }

    fn near(&self, round: usize, schema: &ModelSchema, ours: &[u8], flower: &[u8]) {
        let (ours, flower) = (decode(schema, ours), decode(schema, flower));
        let updates = self.rounds[round].iter().flat_map(|(_, bytes)| decode(&self.schema, bytes));
        let scale =
            updates.chain(flower.iter().copied()).fold(1.0, |most: f64, (value, _)| most.max(value.abs()));
        // Flower's norms, in which all arrays meet, are in the arrays' own types.
        let coarsest = if self.subject.name == "qfedavg" {
            ours.iter().map(|(_, epsilon)| *epsilon).fold(0.0, f64::max)
        } else {
            0.0
        };
        for (place, ((ours, epsilon), (flower, _))) in ours.into_iter().zip(flower).enumerate() {
            let allowed = self.factor() * epsilon.max(coarsest) * scale;
            assert!(
                (ours - flower).abs() <= allowed,
                "{}, round {}, element {place}: {ours}, the other side has {flower}, allowed is {allowed:e}",
                self.describe(),
                round + 1
            );
        }
    }
}

/// Flower's Python, or `None` where the tests were asked to leave the peers out.
pub fn python() -> Option<PathBuf> {
    peer("THUNDERLINE_FLWR_142").map(|programs| programs.join("python"))
}

#[test]
fn every_strategy_equals_flowers_own_or_its_papers_formula_on_random_cases() {
    let Some(python) = python() else { return };
    let cases: Vec<Case> =
        SUBJECTS.iter().flat_map(|subject| (0..CASES).map(move |number| case(subject, number))).collect();
    // Flower takes its time, so the cores share the cases.
    let shares = cases.chunks(cases.len().div_ceil(2)).map(|cases| (cases, Other::start(&python, cases)));
    let shares: Vec<_> = shares.collect();
    for (cases, other) in shares {
        let results = other.results();
        let used = cases.iter().fold(0, |used, case| used + case.compare(&results[used..]));
        assert_eq!(used, results.len(), "more was written than was compared");
    }
}

/// A process that works through cases.
struct Other {
    folder: tempfile::TempDir,
    process: Child,
}

impl Other {
    fn start(python: &Path, cases: &[Case]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let described: Vec<_> = cases.iter().map(Case::describe).collect();
        std::fs::write(folder.path().join("cases.json"), serde_json::to_vec(&described).unwrap()).unwrap();
        let updates = |case: &Case| -> Vec<u8> {
            case.rounds.iter().flatten().flat_map(|(_, bytes)| bytes).copied().collect()
        };
        let data: Vec<u8> =
            cases.iter().flat_map(|case| [case.start.clone(), updates(case)].concat()).collect();
        std::fs::write(folder.path().join("data.bin"), data).unwrap();
        let process = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/peers/strategies.py"))
            .arg(folder.path())
            .env("FLWR_TELEMETRY_ENABLED", "0")
            .env("FLWR_DISABLE_UPDATE_CHECK", "1")
            .env("OPENBLAS_NUM_THREADS", "1")
            .spawn()
            .unwrap();
        Self { folder, process }
    }

    fn results(mut self) -> Vec<u8> {
        assert!(self.process.wait().unwrap().success(), "the other side failed; see above");
        std::fs::read(self.folder.path().join("results.bin")).unwrap()
    }
}
