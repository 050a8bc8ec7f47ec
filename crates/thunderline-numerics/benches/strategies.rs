//! What the strategies cost beside the plain weighted mean of the same ten updates of one million `f32`. Run by hand:
//! `cargo bench -p thunderline-numerics --bench strategies`.
//!
//! Throughput counts the bytes of the updates, which are read once each.

use std::hint::black_box;

use divan::{Bencher, counter::BytesCount};
use thunderline_numerics::{
    ArrayReader, ArraySpec, DType, MemoryArrays, ModelSchema, Result, Weighted,
    optimiser::{Before, Optimiser, optimised_mean},
    order::{OrderStatistic, order_statistic},
    weighted_mean,
};

const CLIENTS: usize = 10;
const ELEMENTS: usize = 1_000_000;
const BYTES: usize = CLIENTS * ELEMENTS * 4;

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

fn models() -> Vec<MemoryArrays> {
    (0..CLIENTS).map(model).collect()
}

fn weighted(models: &[MemoryArrays]) -> Vec<Weighted<'_>> {
    models.iter().map(|reader| Weighted { reader, weight: 17.0 }).collect()
}

fn swallow(piece: &[u8]) -> Result<()> {
    black_box(piece);
    Ok(())
}

#[divan::bench(args = [1, 2], sample_count = 20, sample_size = 1)]
fn mean(bencher: Bencher<'_, '_>, threads: usize) {
    let (schema, models) = (schema(), models());
    let updates = weighted(&models);
    bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
        weighted_mean(&schema, &updates, threads, &mut |piece| swallow(piece))
            .expect("nothing fails in memory");
    });
}

#[divan::bench(args = [1, 2], sample_count = 20, sample_size = 1)]
fn fedadam(bencher: Bencher<'_, '_>, threads: usize) {
    let (schema, models, before) = (schema(), models(), model(99));
    let updates = weighted(&models);
    let adam = Optimiser::Adam { eta: 0.1, beta_1: 0.9, beta_2: 0.99, tau: 1e-3 };
    let kept = adam.state_schema(&schema).expect("it is small").expect("Adam keeps two arrays");
    let state = MemoryArrays::new(kept, vec![0; 2 * ELEMENTS * 4]).expect("the lengths agree");
    let step = Before { model: &before, state: Some(&state), round: 2 };
    bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
        optimised_mean(&schema, &updates, &adam, step, threads, &mut |_, piece| swallow(piece))
            .expect("nothing fails in memory");
    });
}

#[divan::bench(args = [1, 2], sample_count = 20, sample_size = 1)]
fn median(bencher: Bencher<'_, '_>, threads: usize) {
    bench_order(bencher, OrderStatistic::Median, threads);
}

#[divan::bench(args = [1, 2], sample_count = 20, sample_size = 1)]
fn trimmed_mean(bencher: Bencher<'_, '_>, threads: usize) {
    bench_order(bencher, OrderStatistic::TrimmedMean { beta: 0.2 }, threads);
}

fn bench_order(bencher: Bencher<'_, '_>, statistic: OrderStatistic, threads: usize) {
    let (schema, models) = (schema(), models());
    let updates: Vec<_> = models.iter().map(|reader| reader as &dyn ArrayReader).collect();
    bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
        order_statistic(&schema, &updates, statistic, threads, &mut |piece| swallow(piece))
            .expect("nothing fails in memory");
    });
}
