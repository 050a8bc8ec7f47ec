//! Encoding and decoding ten million `f32`, beside copying them in the same run. Run by hand:
//! `cargo bench -p thunderline-numerics --bench encoding`.
//!
//! Throughput counts the bytes of the plain array. Decoding is what the server does for each update, onto the array that it is
//! a difference from; encoding is what a client does. Each runs on one core.

use std::hint::black_box;

use divan::{Bencher, counter::BytesCount};
use thunderline_numerics::{
    ArraySpec, DType, MemoryArrays, ModelSchema,
    encoding::{Encoding, delta::restore, encode},
    random::Rng,
};

const ROWS: usize = 1000;
const ELEMENTS: usize = 10_000_000;

const ENCODINGS: [Encoding; 8] = [
    Encoding::Fp16,
    Encoding::Bf16,
    Encoding::Int8,
    Encoding::Rotation { bits: 4 },
    Encoding::Rotation { bits: 3 },
    Encoding::Rotation { bits: 2 },
    Encoding::Rotation { bits: 1 },
    Encoding::TopK { fraction: 0.01 },
];

fn main() {
    divan::main();
}

fn spec() -> ArraySpec {
    ArraySpec::new("w", DType::F32, &[ROWS, ELEMENTS / ROWS])
}

fn values() -> Vec<f32> {
    let mut rng = Rng::derive(1, &["bench"]);
    let few: Vec<f32> = (0..65_537).map(|_| rng.normal() as f32 * 0.01).collect();
    few.into_iter().cycle().take(ELEMENTS).collect()
}

fn base() -> MemoryArrays {
    let schema = ModelSchema::new(vec![spec()]).expect("it is small");
    let bytes = values().iter().flat_map(|value| value.to_le_bytes()).collect();
    MemoryArrays::new(schema, bytes).expect("the lengths agree")
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn floor_copy(bencher: Bencher<'_, '_>) {
    let (source, mut target) = (values(), vec![0f32; ELEMENTS]);
    bencher
        .counter(BytesCount::new(4 * ELEMENTS))
        .bench_local(|| black_box(&mut target).copy_from_slice(&source));
}

#[divan::bench(args = ENCODINGS, sample_count = 5, sample_size = 1)]
fn encoding(bencher: Bencher<'_, '_>, encoding: &Encoding) {
    let (spec, delta) = (spec(), values());
    bencher
        .counter(BytesCount::new(4 * ELEMENTS))
        .bench_local(|| black_box(encode(*encoding, &spec, &delta, 1).expect("it is finite")));
}

#[divan::bench(args = ENCODINGS, sample_count = 5, sample_size = 1)]
fn decoding(bencher: Bencher<'_, '_>, encoding: &Encoding) {
    let (spec, base) = (spec(), base());
    let payload = encode(*encoding, &spec, &values(), 1).expect("it is finite").expect("it is smaller");
    bencher.counter(BytesCount::new(4 * ELEMENTS)).bench_local(|| {
        let bytes = (&mut payload.as_slice() as &mut dyn std::io::Read, payload.len() as u64);
        restore(*encoding, &spec, bytes, (&base, 0), &mut |bytes| {
            black_box(bytes);
            Ok(())
        })
        .expect("it is what was encoded");
    });
}
