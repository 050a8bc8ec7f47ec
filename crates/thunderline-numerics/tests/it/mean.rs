//! The tiled, threaded mean against a naive one.

use half::{bf16, f16};
use proptest::prelude::*;
use thunderline_numerics::{ArraySpec, DType, MemoryArrays, ModelSchema, Weighted, weighted_mean};

fn mean(dtype: DType, models: &[(f64, Vec<u8>)], threads: usize) -> Vec<u8> {
    let elements = models[0].1.len() / dtype.size();
    let schema = ModelSchema::new(vec![ArraySpec::new("w", dtype, &[elements])]).unwrap();
    let readers: Vec<_> =
        models.iter().map(|(_, bytes)| MemoryArrays::new(schema.clone(), bytes.clone()).unwrap()).collect();
    let updates: Vec<_> =
        readers.iter().zip(models).map(|(reader, &(weight, _))| Weighted { reader, weight }).collect();
    let mut out = Vec::new();
    weighted_mean(&schema, &updates, threads, &mut |piece| {
        out.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    out
}

/// Up to six models of the same length, with their weights.
fn models() -> impl Strategy<Value = Vec<(f64, Vec<f32>)>> {
    (1usize..6, 1usize..300).prop_flat_map(|(clients, length)| {
        let values = proptest::collection::vec(-1e4f32..1e4, length);
        proptest::collection::vec((0.01f64..1e5, values), clients)
    })
}

fn reference(models: &[(f64, Vec<f32>)]) -> Vec<f64> {
    let total: f64 = models.iter().map(|(weight, _)| weight).sum();
    (0..models[0].1.len())
        .map(|place| {
            models.iter().map(|(weight, values)| weight * f64::from(values[place])).sum::<f64>() / total
        })
        .collect()
}

fn encode<const N: usize>(models: &[(f64, Vec<f32>)], put: impl Fn(f32) -> [u8; N]) -> Vec<(f64, Vec<u8>)> {
    models
        .iter()
        .map(|(weight, values)| (*weight, values.iter().flat_map(|&value| put(value)).collect()))
        .collect()
}

proptest! {
    #[test]
    fn float32_is_the_reference_rounded_once(models in models(), threads in 1usize..4) {
        let bytes = mean(DType::F32, &encode(&models, f32::to_le_bytes), threads);
        let wanted: Vec<u8> = reference(&models).iter().flat_map(|&value| (value as f32).to_le_bytes()).collect();
        prop_assert_eq!(bytes, wanted);
    }

    #[test]
    fn float64_is_the_reference(models in models()) {
        let bytes = mean(DType::F64, &encode(&models, |value| f64::from(value).to_le_bytes()), 1);
        let wanted: Vec<u8> = reference(&models).iter().flat_map(|value| value.to_le_bytes()).collect();
        prop_assert_eq!(bytes, wanted);
    }

    #[test]
    fn narrow_floats_are_within_half_a_step_of_the_reference(models in models()) {
        let narrow = |round: &dyn Fn(f32) -> f32| -> Vec<(f64, Vec<f32>)> {
            models.iter().map(|(weight, values)| (*weight, values.iter().map(|&value| round(value)).collect())).collect()
        };
        let halves = narrow(&|value| f16::from_f32(value).to_f32());
        let got = mean(DType::F16, &encode(&halves, |value| f16::from_f32(value).to_le_bytes()), 1);
        for (raw, wanted) in got.as_chunks::<2>().0.iter().zip(reference(&halves)) {
            let error = (f16::from_le_bytes(*raw).to_f64() - wanted).abs();
            prop_assert!(error <= wanted.abs() * 2f64.powi(-11) + 2f64.powi(-25), "{wanted}: {error}");
        }
        let brains = narrow(&|value| bf16::from_f32(value).to_f32());
        let got = mean(DType::BF16, &encode(&brains, |value| bf16::from_f32(value).to_le_bytes()), 1);
        for (raw, wanted) in got.as_chunks::<2>().0.iter().zip(reference(&brains)) {
            let error = (bf16::from_le_bytes(*raw).to_f64() - wanted).abs();
            prop_assert!(error <= wanted.abs() * 2f64.powi(-8), "{wanted}: {error}");
        }
    }

    #[test]
    fn another_order_of_the_updates_changes_at_most_the_last_digit(models in models()) {
        let forward = mean(DType::F32, &encode(&models, f32::to_le_bytes), 1);
        let reversed: Vec<_> = models.iter().rev().cloned().collect();
        let backward = mean(DType::F32, &encode(&reversed, f32::to_le_bytes), 1);
        for (one, other) in forward.as_chunks::<4>().0.iter().zip(backward.as_chunks::<4>().0) {
            let (one, other) = (f32::from_le_bytes(*one), f32::from_le_bytes(*other));
            // Where positive and negative values cancel, the error is one of the sum, not of its small result.
            let cancelled = 1e4 * 1e-15;
            let near = one == other || one.next_up() == other || one.next_down() == other;
            prop_assert!(near || f64::from((one - other).abs()) < cancelled, "{one} {other}");
        }
    }
}
