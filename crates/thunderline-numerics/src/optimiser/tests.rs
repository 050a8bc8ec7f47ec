//! Steps against the formulas written down once more, element by element.

use proptest::prelude::*;

use super::*;
use crate::{ArraySpec, DType, MemoryArrays, TILE_ELEMENTS, weighted_mean};

const ALL: [Optimiser; 4] = [
    Optimiser::Momentum { learning_rate: 0.5, momentum: 0.9 },
    Optimiser::Adagrad { eta: 0.1, tau: 1e-3 },
    Optimiser::Adam { eta: 0.1, beta_1: 0.9, beta_2: 0.99, tau: 1e-3 },
    Optimiser::Yogi { eta: 0.01, beta_1: 0.9, beta_2: 0.99, tau: 1e-3 },
];

/// A model and an optimiser's state, as bytes.
#[derive(Clone, Debug, PartialEq)]
struct Stand {
    model: Vec<u8>,
    state: Vec<u8>,
}

struct Server {
    schema: ModelSchema,
    optimiser: Optimiser,
    threads: usize,
}

impl Server {
    fn new(optimiser: Optimiser, arrays: Vec<ArraySpec>) -> Self {
        Self { schema: ModelSchema::new(arrays).unwrap(), optimiser, threads: 1 }
    }

    fn round(&self, round: u32, before: &Stand, updates: &[(f64, Vec<u8>)]) -> Result<Stand> {
        let memory =
            |schema: &ModelSchema, bytes: &[u8]| MemoryArrays::new(schema.clone(), bytes.to_vec()).unwrap();
        let readers: Vec<_> = updates.iter().map(|(_, bytes)| memory(&self.schema, bytes)).collect();
        let updates: Vec<_> =
            readers.iter().zip(updates).map(|(reader, &(weight, _))| Weighted { reader, weight }).collect();
        let model = memory(&self.schema, &before.model);
        let state = self.optimiser.state_schema(&self.schema)?.map(|schema| memory(&schema, &before.state));
        let state = state.as_ref().filter(|_| round > 1).map(|state| state as &dyn ArrayReader);
        let before = Before { model: &model, state, round };
        let (mut model, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
        optimised_mean(&self.schema, &updates, &self.optimiser, before, self.threads, &mut |part, piece| {
            match part {
                Part::Model => model.extend_from_slice(piece),
                Part::First => first.extend_from_slice(piece),
                Part::Second => second.extend_from_slice(piece),
            }
            Ok(())
        })?;
        Ok(Stand { model, state: [first, second].concat() })
    }

    /// A beginning, whose state must not be looked at.
    fn start(&self, model: Vec<u8>) -> Stand {
        let bytes = self.optimiser.state_schema(&self.schema).unwrap().map_or(0, |schema| schema.bytes());
        Stand { model, state: vec![0xFF; bytes as usize] }
    }
}

fn bytes(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn values(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|raw| f64::from_le_bytes(*raw)).collect()
}

fn wide(length: usize) -> Vec<ArraySpec> {
    vec![ArraySpec::new("w", DType::F64, &[length])]
}

/// One coordinate's step, from the papers: x, m, v to the next.
fn reference(optimiser: Optimiser, round: i32, mean: f64, [x, m, v]: [f64; 3]) -> [f64; 3] {
    let delta = mean - x;
    match optimiser {
        Optimiser::Momentum { learning_rate, momentum } => {
            let m = momentum * m - delta;
            [x - learning_rate * m, m, 0.0]
        }
        Optimiser::Adagrad { eta, tau } => {
            let v = v + delta * delta;
            [x + eta * delta / (v.sqrt() + tau), 0.0, v]
        }
        Optimiser::Adam { eta, beta_1, beta_2, tau } => {
            let m = beta_1 * m + (1.0 - beta_1) * delta;
            let v = beta_2 * v + (1.0 - beta_2) * delta * delta;
            let eta = eta * (1.0 - beta_2.powi(round + 1)).sqrt() / (1.0 - beta_1.powi(round + 1));
            [x + eta * m / (v.sqrt() + tau), m, v]
        }
        Optimiser::Yogi { eta, beta_1, beta_2, tau } => {
            let m = beta_1 * m + (1.0 - beta_1) * delta;
            let square = delta * delta;
            let v = match v.total_cmp(&square) {
                std::cmp::Ordering::Greater => v - (1.0 - beta_2) * square,
                std::cmp::Ordering::Less => v + (1.0 - beta_2) * square,
                std::cmp::Ordering::Equal => v,
            };
            [x + eta * m / (v.sqrt() + tau), m, v]
        }
    }
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-12 * (1.0 + one.abs().max(other.abs()))
}

/// One round's updates: weights and values.
type Updates = Vec<(f64, Vec<f64>)>;

/// A model and three rounds of up to four updates.
fn rounds() -> impl Strategy<Value = (Vec<f64>, Vec<Updates>)> {
    (1usize..5, 1usize..40).prop_flat_map(|(clients, length)| {
        let values = || proptest::collection::vec(-10f64..10.0, length);
        let round = proptest::collection::vec((0.5f64..100.0, values()), clients);
        (values(), proptest::collection::vec(round, 3))
    })
}

proptest! {
    #[test]
    fn every_optimiser_follows_its_formula_round_after_round((start, rounds) in rounds(), which in 0usize..4) {
        let server = Server::new(ALL[which], wide(start.len()));
        let mut stand = server.start(bytes(&start));
        let mut wanted: Vec<_> = start.iter().map(|&x| [x, 0.0, 0.0]).collect();
        for (round, updates) in (1..).zip(&rounds) {
            let encoded: Vec<_> = updates.iter().map(|(weight, values)| (*weight, bytes(values))).collect();
            stand = server.round(round, &stand, &encoded).unwrap();
            let total: f64 = updates.iter().map(|(weight, _)| weight).sum();
            for (place, wanted) in wanted.iter_mut().enumerate() {
                let mean = updates.iter().map(|(weight, values)| weight * values[place]).sum::<f64>() / total;
                *wanted = reference(ALL[which], round as i32, mean, *wanted);
            }
        }
        for (x, wanted) in values(&stand.model).iter().zip(&wanted) {
            prop_assert!(near(*x, wanted[0]), "{x} {wanted:?}");
        }
        let state = values(&stand.state);
        let kept: Vec<f64> = [(1, ALL[which].keeps_first()), (2, ALL[which].keeps_second())]
            .into_iter()
            .filter(|(_, kept)| *kept)
            .flat_map(|(part, _)| wanted.iter().map(move |wanted| wanted[part]))
            .collect();
        prop_assert_eq!(state.len(), kept.len());
        prop_assert!(state.iter().zip(&kept).all(|(one, other)| near(*one, *other)), "{:?} {:?}", state, kept);
    }

    #[test]
    fn the_order_of_the_updates_changes_the_last_digits_at_most((start, rounds) in rounds(), which in 0usize..4) {
        let server = Server::new(ALL[which], wide(start.len()));
        let mut updates: Vec<_> = rounds[0].iter().map(|(weight, values)| (*weight, bytes(values))).collect();
        let before = server.start(bytes(&start));
        let forward = server.round(1, &before, &updates).unwrap();
        updates.reverse();
        let backward = server.round(1, &before, &updates).unwrap();
        for (one, other) in values(&forward.model).iter().zip(values(&backward.model)) {
            prop_assert!(near(*one, other), "{one} {other}");
        }
    }

    #[test]
    fn momentum_without_momentum_and_with_full_steps_is_the_plain_mean((start, rounds) in rounds()) {
        let server = Server::new(Optimiser::Momentum { learning_rate: 1.0, momentum: 0.0 }, wide(start.len()));
        let updates: Vec<_> = rounds[0].iter().map(|(weight, values)| (*weight, bytes(values))).collect();
        let stand = server.round(1, &server.start(bytes(&start)), &updates).unwrap();
        let readers: Vec<_> =
            updates.iter().map(|(_, bytes)| MemoryArrays::new(server.schema.clone(), bytes.clone()).unwrap()).collect();
        let weighted: Vec<_> =
            readers.iter().zip(&updates).map(|(reader, &(weight, _))| Weighted { reader, weight }).collect();
        let mut mean = Vec::new();
        weighted_mean(&server.schema, &weighted, 1, &mut |piece| { mean.extend_from_slice(piece); Ok(()) }).unwrap();
        prop_assert_eq!(stand, Stand { model: mean, state: Vec::new() });
    }
}

#[test]
fn updates_that_change_nothing_leave_the_model_as_it_was() {
    for optimiser in ALL {
        let server = Server::new(optimiser, wide(3));
        let model = bytes(&[1.5, -2.0, 0.0]);
        let stand = server.round(1, &server.start(model.clone()), &[(1.0, model.clone())]).unwrap();
        assert_eq!(stand.model, model, "{optimiser:?}");
        assert!(values(&stand.state).iter().all(|&value| value == 0.0), "{optimiser:?}");
    }
}

#[test]
fn yogi_leaves_a_second_moment_that_equals_the_square() {
    let server = Server::new(ALL[3], wide(1));
    let before = Stand { model: bytes(&[0.0]), state: bytes(&[0.0, 4.0]) };
    let after = server.round(2, &before, &[(1.0, bytes(&[2.0]))]).unwrap();
    assert_eq!(values(&after.state)[1], 4.0);
}

#[test]
fn counters_take_the_mean_and_have_no_state() {
    let arrays = vec![
        ArraySpec::new("half", DType::F16, &[2]),
        ArraySpec::new("count", DType::I64, &[]),
        ArraySpec::new("w", DType::F64, &[1]),
    ];
    let server = Server::new(ALL[2], arrays);
    let state = server.optimiser.state_schema(&server.schema).unwrap().unwrap();
    let described: Vec<_> = state.arrays().iter().map(ToString::to_string).collect();
    assert_eq!(
        described,
        ["'m/half' float32[2]", "'m/w' float64[1]", "'v/half' float32[2]", "'v/w' float64[1]"]
    );
    let model = |count: i64, w: f64| [vec![0; 4], count.to_le_bytes().to_vec(), bytes(&[w])].concat();
    let updates = [(1.0, model(10, 1.0)), (3.0, model(20, 1.0))];
    let after = server.round(1, &server.start(model(0, 0.0)), &updates).unwrap();
    assert_eq!(
        i64::from_le_bytes(after.model[4..12].try_into().unwrap()),
        18,
        "17.5 is half way to an even 18"
    );
    let w = f64::from_le_bytes(after.model[12..].try_into().unwrap());
    assert!(near(w, reference(ALL[2], 1, 1.0, [0.0; 3])[0]), "{w}");
}

#[test]
fn threads_and_tiles_change_nothing() {
    let arrays = vec![
        ArraySpec::new("a", DType::F32, &[2 * TILE_ELEMENTS + 7]),
        ArraySpec::new("flags", DType::Bool, &[5]),
        ArraySpec::new("b", DType::F32, &[3]),
    ];
    for optimiser in ALL {
        let mut server = Server::new(optimiser, arrays.clone());
        let model = |seed: u32| -> Vec<u8> {
            let floats =
                |count: u32| (0..count).flat_map(move |i| ((i * 31 + seed) as f32 / 7.0).to_le_bytes());
            let elements = 2 * TILE_ELEMENTS as u32 + 7;
            floats(elements).chain([0, 1, 1, 0, 1]).chain(floats(3)).collect()
        };
        let updates = [(2.0, model(1)), (5.5, model(2))];
        let first = server.round(1, &server.start(model(3)), &updates).unwrap();
        let single = server.round(2, &first, &updates).unwrap();
        for threads in [2, 5] {
            server.threads = threads;
            assert!(server.round(2, &first, &updates).unwrap() == single, "{optimiser:?}, {threads} threads");
        }
    }
}

#[test]
fn a_model_that_leaves_all_bounds_is_refused_by_name() {
    let server = Server::new(Optimiser::Momentum { learning_rate: 1e300, momentum: 0.0 }, wide(2));
    let error =
        server.round(1, &server.start(bytes(&[0.0, 0.0])), &[(1.0, bytes(&[0.0, 1e10]))]).unwrap_err();
    assert_eq!(error.code(), "invalid");
    assert!(error.to_string().contains("'w' beyond all bounds at element 1"), "{error}");
}
