//! The weighted mean of ten updates of ten million `f32`, beside the floors of the same machine in the same run: copying
//! the same bytes, and one pass of `y += a·x` over them. Run by hand: `cargo bench -p thunderline-numerics`.
//!
//! Throughput counts the bytes of the updates, which are read once each.

use std::hint::black_box;

use divan::{Bencher, counter::BytesCount};
use thunderline_numerics::{ArraySpec, DType, MemoryArrays, ModelSchema, Weighted, weighted_mean};

const CLIENTS: usize = 10;
const ELEMENTS: usize = 10_000_000;
const BYTES: usize = CLIENTS * ELEMENTS * 4;

fn main() {
    divan::main();
}

fn values(client: usize) -> Vec<f32> {
    (0..ELEMENTS).map(|place| (place % 1009) as f32 * 0.37 - client as f32).collect()
}

fn bytes(client: usize) -> Vec<u8> {
    values(client).iter().flat_map(|value| value.to_le_bytes()).collect()
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn floor_copy(bencher: Bencher<'_, '_>) {
    let source: Vec<_> = (0..CLIENTS).map(bytes).collect();
    let mut target = vec![0u8; ELEMENTS * 4];
    bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
        for client in &source {
            black_box(&mut target).copy_from_slice(client);
        }
    });
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn floor_axpy(bencher: Bencher<'_, '_>) {
    let source: Vec<_> = (0..CLIENTS).map(values).collect();
    let mut sums = vec![0f32; ELEMENTS];
    bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
        for client in &source {
            for (sum, value) in black_box(&mut sums).iter_mut().zip(client) {
                *sum += 0.1 * value;
            }
        }
    });
}

#[divan::bench(args = [1, 2], sample_count = 10, sample_size = 1)]
fn mean(bencher: Bencher<'_, '_>, threads: usize) {
    let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[ELEMENTS])]).expect("it is small");
    let models: Vec<_> = (0..CLIENTS)
        .map(|client| MemoryArrays::new(schema.clone(), bytes(client)).expect("the lengths agree"))
        .collect();
    let updates: Vec<_> = models.iter().map(|reader| Weighted { reader, weight: 17.0 }).collect();
    bencher.counter(BytesCount::new(BYTES)).bench_local(|| {
        weighted_mean(&schema, &updates, threads, &mut |piece| {
            black_box(piece);
            Ok(())
        })
        .expect("nothing fails in memory");
    });
}
