//! What every strategy costs beside the plain weighted mean of the same ten updates of one million `f32`. Run by hand:
//! `cargo bench -p thunderline-numerics --bench strategies`.
//!
//! Throughput counts the bytes of the updates once, however often a strategy reads them.

use std::{collections::BTreeMap, hint::black_box};

use divan::{Bencher, counter::BytesCount};
use thunderline_numerics::{
    ArrayReader, ArraySpec, DType, MemoryArrays, ModelSchema,
    strategy::{Kind, Round, Update},
};

const CLIENTS: usize = 10;
const ELEMENTS: usize = 1_000_000;
const BYTES: usize = CLIENTS * ELEMENTS * 4;

const NAMES: [&str; 16] = [
    "fedavg",
    "fedavgm",
    "fedadagrad",
    "fedadam",
    "fedyogi",
    "fednova",
    "scaffold",
    "qfedavg",
    "normbounded",
    "fedmedian",
    "fedtrimmedavg",
    "krum",
    "multikrum",
    "bulyan",
    "geometricmedian",
    "centeredclipping",
];

fn main() {
    divan::main();
}

fn schema() -> ModelSchema {
    ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[ELEMENTS])]).expect("it is small")
}

fn model(client: usize) -> MemoryArrays {
    let value = |place: usize| ((place * 31 + client * 7919) % 1009) as f32 * 0.37 - client as f32;
    let bytes = (0..ELEMENTS).flat_map(|place| value(place).to_le_bytes()).collect();
    MemoryArrays::new(schema(), bytes).expect("the lengths agree")
}

#[divan::bench(args = NAMES, sample_count = 10, sample_size = 1)]
fn one_thread(bencher: Bencher<'_, '_>, name: &str) {
    bench(bencher, name, 1);
}

#[divan::bench(args = NAMES, sample_count = 10, sample_size = 1)]
fn two_threads(bencher: Bencher<'_, '_>, name: &str) {
    bench(bencher, name, 2);
}

fn bench(bencher: Bencher<'_, '_>, name: &str, threads: usize) {
    let kind = Kind::named(name).expect("the list names known strategies");
    // In the second round, so that states are read, too; with momentum, so that FedAvgM has one.
    let value = |param: &thunderline_numerics::strategy::Param| match param.name {
        "num_malicious_nodes" => 1.0,
        "server_momentum" => 0.9,
        _ => param.default.unwrap_or(1.0),
    };
    let strategy = kind.build(&kind.params.iter().map(value).collect::<Vec<_>>()).expect("the values fit");
    let (schema, before) = (schema(), model(99));
    let models: Vec<_> = (0..CLIENTS).map(model).collect();
    let metrics = [("num-steps", 10.0), ("train_loss", 1.0)].map(|(name, value)| (name.to_owned(), value));
    let metrics = BTreeMap::from(metrics);
    let updates: Vec<_> =
        models.iter().map(|reader| Update { reader, weight: 17.0, metrics: &metrics, began: None }).collect();
    let state = strategy.state(&schema).expect("it is small").map(|kept| {
        let bytes = vec![0; usize::try_from(kept.bytes()).expect("it is small")];
        MemoryArrays::new(kept, bytes).expect("the lengths agree")
    });
    let round = Round {
        schema: &schema,
        model: &before,
        state: state.as_ref().map(|state| state as &dyn ArrayReader),
        number: 2,
        participation: 1.0,
        updates: &updates,
        threads,
    };
    bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
        let swallow = &mut |_, piece: &[u8]| {
            black_box(piece);
            Ok(())
        };
        strategy.aggregate(&round, swallow).expect("nothing fails in memory");
    });
}
