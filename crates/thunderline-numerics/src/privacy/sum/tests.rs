//! Clipping clips, noise is there, the divisor is fixed, and order does not matter.

use proptest::prelude::*;

use super::*;
use crate::{ArraySpec, DType, MemoryArrays};

const KEY: Key = [11; 32];

fn schema(length: usize) -> ModelSchema {
    ModelSchema::new(vec![
        ArraySpec::new("w", DType::F32, &[length]),
        ArraySpec::new("steps", DType::I64, &[1]),
        ArraySpec::new("b", DType::F64, &[2]),
    ])
    .unwrap()
}

/// A model whose first array is `w`, whose counter is `steps` and whose last array is `b`.
fn model(schema: &ModelSchema, w: &[f32], steps: i64, b: [f64; 2]) -> MemoryArrays {
    let bytes = w.iter().flat_map(|x| x.to_le_bytes());
    let bytes = bytes.chain(steps.to_le_bytes()).chain(b.iter().flat_map(|x| x.to_le_bytes())).collect();
    MemoryArrays::new(schema.clone(), bytes).unwrap()
}

fn run(
    schema: &ModelSchema,
    parent: &MemoryArrays,
    updates: &[MemoryArrays],
    clip: f64,
    deviation: f64,
    noise: &[(Key, i64)],
    threads: usize,
) -> Vec<u8> {
    let updates: Vec<&dyn ArrayReader> = updates.iter().map(|update| update as &dyn ArrayReader).collect();
    let norms = norms(schema, parent, &updates, threads).unwrap();
    let noise = &Added::Each(noise.to_vec());
    let release_of = Release { model: parent, clip, deviation, divisor: 4.0, noise };
    let mut out = Vec::new();
    release(schema, &updates, &norms, release_of, threads, &mut |piece| {
        out.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    out
}

fn first_array(bytes: &[u8], length: usize) -> Vec<f64> {
    bytes[..4 * length]
        .chunks_exact(4)
        .map(|chunk| f64::from(f32::from_le_bytes(chunk.try_into().unwrap())))
        .collect()
}

#[test]
fn without_noise_and_within_the_norm_the_result_is_the_sum_over_the_divisor() {
    let schema = schema(3);
    let parent = model(&schema, &[1.0, 2.0, 3.0], 7, [0.0, 0.0]);
    let updates =
        [model(&schema, &[1.5, 2.0, 3.0], 9, [0.0, 1.0]), model(&schema, &[1.0, 1.0, 3.0], 8, [0.0, 1.0])];
    let out = run(&schema, &parent, &updates, 10.0, 1.0, &[], 1);
    let got = first_array(&out, 3);
    for (got, wanted) in got.iter().zip([1.125, 1.75, 3.0]) {
        assert!((got - wanted).abs() < 1e-6, "{got} {wanted}");
    }
    assert_eq!(out[12..20], 7i64.to_le_bytes(), "a counter stays as it is in the model");
    assert!((f64::from_le_bytes(out[28..36].try_into().unwrap()) - 0.5).abs() < 1e-8);
}

#[test]
fn an_update_that_is_too_long_is_scaled_to_the_norm_over_all_arrays() {
    let schema = schema(1);
    let parent = model(&schema, &[0.0], 0, [0.0, 0.0]);
    let long = [model(&schema, &[30.0], 0, [0.0, 40.0])];
    let out = run(&schema, &parent, &long, 1.0, 1.0, &[], 1);
    let (w, b) = (first_array(&out, 1)[0], f64::from_le_bytes(out[20..28].try_into().unwrap()));
    assert!((w * 4.0 - 0.6).abs() < 1e-6 && (b * 4.0 - 0.8).abs() < 1e-6, "{w} {b}");
}

#[test]
fn a_model_that_nobody_changed_stays_and_divides_nothing_by_zero() {
    let schema = schema(2);
    let parent = model(&schema, &[1.0, -1.0], 3, [5.0, 6.0]);
    let same = [model(&schema, &[1.0, -1.0], 3, [5.0, 6.0])];
    assert_eq!(run(&schema, &parent, &same, 1.0, 1.0, &[], 1), parent.bytes());
}

#[test]
fn noise_has_the_deviation_over_the_divisor_even_where_nobody_answered() {
    let length = 60_000;
    let schema = schema(length);
    let parent = model(&schema, &vec![0.0; length], 0, [0.0, 0.0]);
    let out = run(&schema, &parent, &[], 1.0, 2.0, &[(KEY, 1)], 2);
    let noise = first_array(&out, length);
    let deviation = (noise.iter().map(|x| x * x).sum::<f64>() / length as f64).sqrt();
    assert!((deviation - 0.5).abs() < 0.01, "{deviation}");
    let silent = run(&schema, &parent, &[], 1.0, 2.0, &[], 2);
    assert!(first_array(&silent, length).iter().all(|x| *x == 0.0));
}

#[test]
fn noise_that_is_added_and_taken_away_is_gone_to_the_last_bit() {
    let schema = schema(100);
    let parent = model(&schema, &[0.5; 100], 0, [0.0, 0.0]);
    let gone = run(&schema, &parent, &[], 1.0, 2.0, &[(KEY, 1), (KEY, -1)], 1);
    assert_eq!(gone, parent.bytes());
}

#[test]
fn neither_order_nor_threads_change_a_bit() {
    let length = 3 * BLOCK + 17;
    let schema = schema(length);
    let value = |seed: usize| -> Vec<f32> { (0..length).map(|i| ((i * seed) % 101) as f32 / 50.0).collect() };
    let parent = model(&schema, &value(1), 0, [0.0, 0.0]);
    let mut updates: Vec<_> = (2..7).map(|seed| model(&schema, &value(seed), 0, [0.1, 0.2])).collect();
    let first = run(&schema, &parent, &updates, 3.0, 0.7, &[(KEY, 1)], 1);
    updates.reverse();
    for threads in [2, 3] {
        assert!(first == run(&schema, &parent, &updates, 3.0, 0.7, &[(KEY, 1)], threads));
    }
}

#[test]
fn a_client_that_clips_sends_what_is_within_the_norm_and_else_what_it_has() {
    let schema = schema(1);
    let parent = model(&schema, &[1.0], 0, [0.0, 0.0]);
    let long = model(&schema, &[31.0], 5, [0.0, 40.0]);
    for (clip, wanted) in [(1.0, [1.6, 0.8]), (100.0, [31.0, 40.0])] {
        let mut out = Vec::new();
        clipped(&schema, &parent, &long, clip, &mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
        let (w, b) = (first_array(&out, 1)[0], f64::from_le_bytes(out[20..28].try_into().unwrap()));
        assert!((w - wanted[0]).abs() < 1e-6 && (b - wanted[1]).abs() < 1e-6, "{w} {b}");
        assert_eq!(out[4..12], 5i64.to_le_bytes(), "a counter is not clipped");
    }
}

#[test]
fn numbers_that_protect_nobody_are_refused() {
    let schema = schema(1);
    let parent = model(&schema, &[0.0], 0, [0.0, 0.0]);
    for (clip, deviation, divisor) in
        [(0.0, 1.0, 1.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0), (f64::NAN, 1.0, 1.0), (1.0, f64::INFINITY, 1.0)]
    {
        let wrong = Release { model: &parent, clip, deviation, divisor, noise: &Added::Each(vec![]) };
        let refused = release(&schema, &[], &[], wrong, 1, &mut |_| Ok(())).unwrap_err();
        assert_eq!(refused.code(), "invalid", "{clip} {deviation} {divisor}");
    }
    let poisoned = model(&schema, &[f32::MAX], 0, [f64::MAX, 0.0]);
    let refused = norms(&schema, &parent, &[&poisoned], 1).unwrap_err();
    assert!(refused.to_string().contains("no finite norm"));
}

proptest! {
    /// What one client adds to the sum is never longer than C, whatever it sends.
    #[test]
    fn no_client_moves_the_sum_beyond_the_norm(
        w in prop::collection::vec(-1e6f32..1e6, 4), b in prop::array::uniform2(-1e3..1e3f64), clip in 0.01..10.0f64,
    ) {
        let schema = ModelSchema::new(vec![
            ArraySpec::new("w", DType::F64, &[4]), ArraySpec::new("b", DType::F64, &[2]),
        ]).unwrap();
        let bytes: Vec<u8> =
            w.iter().map(|x| f64::from(*x)).chain(b).flat_map(|x| x.to_le_bytes()).collect();
        let parent = MemoryArrays::new(schema.clone(), vec![0; 48]).unwrap();
        let update = MemoryArrays::new(schema.clone(), bytes).unwrap();
        let norms = norms(&schema, &parent, &[&update], 1).unwrap();
        let step = Release { model: &parent, clip, deviation: 0.3, divisor: 1.0, noise: &Added::Each(vec![]) };
        let mut out = Vec::new();
        release(&schema, &[&update], &norms, step, 1, &mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        }).unwrap();
        let moved: f64 =
            out.chunks_exact(8).map(|chunk| f64::from_le_bytes(chunk.try_into().unwrap()).powi(2)).sum();
        prop_assert!(moved.sqrt() <= clip);
        prop_assert!(moved.sqrt() >= 0.999 * clip.min(norms[0]));
    }
}
