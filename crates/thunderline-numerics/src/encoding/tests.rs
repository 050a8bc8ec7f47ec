use proptest::prelude::*;
use thunderline_core::{Sha256, hex};

use super::{delta::restore, *};
use crate::{DType, MemoryArrays, ModelSchema, random::Rng};

fn all() -> Vec<Encoding> {
    let mut all = vec![Encoding::Fp16, Encoding::Bf16, Encoding::Int8];
    all.extend((1..=4).map(|bits| Encoding::Rotation { bits }));
    all.extend([0.01, 0.3].map(|fraction| Encoding::TopK { fraction }));
    all
}

fn spec(shape: &[usize]) -> ArraySpec {
    ArraySpec::new("w", DType::F32, shape)
}

fn normal(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = Rng::derive(seed, &["encoding"]);
    (0..count).map(|_| (rng.normal() * 0.01) as f32).collect()
}

fn decoded(encoding: Encoding, spec: &ArraySpec, payload: &[u8]) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    decode(encoding, spec, &mut &*payload, payload.len() as u64, &mut |piece| {
        assert!(piece.len() <= PIECE);
        values.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(values)
}

fn back(encoding: Encoding, spec: &ArraySpec, delta: &[f32], seed: u64) -> Vec<f32> {
    let payload = encode(encoding, spec, delta, seed).unwrap().expect("it is worth it");
    let longest = encoding.length(spec).unwrap();
    assert!(payload.len() as u64 <= longest, "{encoding:?}");
    decoded(encoding, spec, &payload).unwrap()
}

/// ‖x − y‖² / ‖x‖².
fn error(x: &[f32], y: &[f32]) -> f64 {
    let square = |x: f64| x * x;
    let lost: f64 = x.iter().zip(y).map(|(x, y)| square(f64::from(x - y))).sum();
    lost / x.iter().map(|x| square(f64::from(*x))).sum::<f64>()
}

#[test]
fn each_encoding_loses_what_its_paper_says() {
    let shape = [100, 1000];
    let delta = normal(100_000, 1);
    for (encoding, most, bytes) in [
        (Encoding::Fp16, 1e-7, 2.001),
        (Encoding::Bf16, 3e-6, 2.001),
        (Encoding::Int8, 8e-5, 1.005),
        (Encoding::Rotation { bits: 4 }, 0.0101, 0.502),
        (Encoding::Rotation { bits: 3 }, 0.037, 0.377),
        (Encoding::Rotation { bits: 2 }, 0.136, 0.252),
        (Encoding::Rotation { bits: 1 }, 0.585, 0.127),
        (Encoding::TopK { fraction: 0.01 }, 0.92, 0.041),
    ] {
        let lost = error(&delta, &back(encoding, &spec(&shape), &delta, 7));
        assert!(lost <= most && lost > most / 20.0, "{encoding:?}: {lost}");
        let length = encoding.length(&spec(&shape)).unwrap() as f64 / 1e5;
        assert!(length <= bytes, "{encoding:?}: {length} bytes a number");
    }
}

#[test]
fn the_mean_of_many_rotations_is_what_was_encoded() {
    // Far from normal: one large number among small ones, and a length that is no power of two.
    let mut delta = normal(700, 2);
    delta[3] = 0.2;
    for bits in 1..=4 {
        let encoding = Encoding::Rotation { bits };
        let once = error(&delta, &back(encoding, &spec(&[700]), &delta, 0));
        let mut mean = vec![0f64; 700];
        let seeds = 400;
        for seed in 0..seeds {
            let y = back(encoding, &spec(&[700]), &delta, seed);
            mean.iter_mut().zip(y).for_each(|(mean, y)| *mean += f64::from(y) / seeds as f64);
        }
        let mean: Vec<f32> = mean.into_iter().map(|mean| mean as f32).collect();
        let lost = error(&delta, &mean);
        // Of a biased estimate something would remain, however many are averaged.
        assert!(lost < 2.0 * once / seeds as f64, "{bits} bits: {once} once, {lost} on average");
    }
}

#[test]
fn what_top_k_leaves_out_and_what_it_sends_are_the_whole() {
    let mut delta = normal(70_000, 3);
    delta[65_535] = -9.0;
    delta[65_536] = 8.0;
    let y = back(Encoding::TopK { fraction: 0.001 }, &spec(&[70_000]), &delta, 0);
    assert_eq!((y[65_535], y[65_536]), (-9.0, 8.0));
    assert_eq!(y.iter().filter(|y| **y != 0.0).count(), 70);
    let least = y.iter().filter(|y| **y != 0.0).fold(f32::MAX, |least, y| least.min(y.abs()));
    assert!(delta.iter().zip(&y).filter(|(_, y)| **y == 0.0).all(|(x, _)| x.abs() <= least * 1.01));
}

#[test]
fn equal_magnitudes_are_sent_in_the_order_of_the_array_and_zeros_never() {
    let encoding = Encoding::TopK { fraction: 0.1 };
    let delta: Vec<f32> = (0..100).map(|place| if place % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let y = back(encoding, &spec(&[100]), &delta, 0);
    assert_eq!(y[..10], delta[..10]);
    assert!(y[10..].iter().all(|y| *y == 0.0));
    let none = encode(encoding, &spec(&[100]), &[0.0; 100], 0).unwrap().unwrap();
    assert_eq!(none.len(), 16 + 8 + 4);
}

#[test]
fn arrays_that_would_not_become_smaller_travel_as_they_are() {
    for encoding in all() {
        assert_eq!(encoding.length(&spec(&[4])), None, "{encoding:?}");
        assert_eq!(encoding.length(&ArraySpec::new("n", DType::I64, &[1000])), None);
        assert_eq!(encoding.length(&ArraySpec::new("e", DType::F32, &[0, 9])), None);
        assert!(encoding.length(&spec(&[1000])).is_some());
    }
    assert_eq!(Encoding::Fp16.length(&ArraySpec::new("h", DType::F16, &[1000])), None);
    assert_eq!(Encoding::Full.length(&spec(&[1000])), None);
}

#[test]
fn each_row_has_a_scale_of_its_own() {
    let delta: Vec<f32> =
        (0..64).map(|place| if place < 32 { 1e-4 } else { 50.0 } * (place % 32) as f32).collect();
    let y = back(Encoding::Int8, &spec(&[2, 32]), &delta, 0);
    assert!(error(&delta[..32], &y[..32]) < 1e-4);
    let coarse = back(Encoding::Int8, &spec(&[64]), &delta, 0);
    assert!(coarse[..32].iter().all(|y| *y == 0.0));
}

#[test]
fn the_formats_are_fixed_for_ever() {
    let spec = spec(&[9, 500]);
    let delta = normal(4500, 4);
    let found: Vec<String> = all()
        .into_iter()
        .map(|encoding| {
            let payload = encode(encoding, &spec, &delta, 5).unwrap().unwrap();
            hex::encode(Sha256::of(&payload).head::<4>())
        })
        .collect();
    assert_eq!(found, GOLDEN);
}

const GOLDEN: [&str; 9] = [
    "56d74238", "c1616975", "9f3949c1", "d218114a", "fd5f519c", "9f31d547", "1770a1ce", "3e8495d9",
    "9c7cb18f",
];

#[test]
fn a_difference_comes_back_on_every_type_of_floats() {
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let spec = ArraySpec::new("w", dtype, &[4, 1000]);
        let schema = ModelSchema::new(vec![spec.clone()]).unwrap();
        let bytes = |values: &[f64]| {
            let mut bytes = vec![0; schema.bytes() as usize];
            crate::kernels::finish(dtype, values, 1.0, &mut bytes);
            bytes
        };
        let from: Vec<f64> = normal(4000, 5).into_iter().map(f64::from).collect();
        let to: Vec<f64> = from.iter().zip(normal(4000, 6)).map(|(x, d)| x + f64::from(d)).collect();
        let (from, to) = (bytes(&from), bytes(&to));
        let delta = delta::difference(dtype, &from, &to).unwrap();
        let payload = encode(Encoding::Int8, &spec, &delta, 0).unwrap().unwrap();
        let base = MemoryArrays::new(schema, from).unwrap();
        let mut restored = Vec::new();
        let payload = (&mut &*payload as &mut dyn Read, payload.len() as u64);
        restore(Encoding::Int8, &spec, payload, (&base, 0), &mut |bytes| {
            restored.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
        let (mut wanted, mut found) = (Vec::new(), Vec::new());
        crate::kernels::widen(dtype, &to, &mut wanted);
        crate::kernels::widen(dtype, &restored, &mut found);
        assert!(wanted.iter().zip(&found).all(|(wanted, found)| (wanted - found).abs() < 4e-4), "{dtype}");
    }
}

#[test]
fn what_is_not_finite_is_not_encoded() {
    for encoding in all() {
        let mut delta = normal(1000, 7);
        delta[500] = f32::INFINITY;
        assert!(encode(encoding, &spec(&[1000]), &delta, 0).is_err());
        assert!(encode(encoding, &spec(&[1000]), &delta[..999], 0).is_err());
    }
}

#[test]
fn very_small_and_very_large_numbers_are_encoded_or_refused() {
    for encoding in all() {
        for size in [1e-45, 1e-30, 1e30, f32::MAX] {
            let delta: Vec<f32> = normal(1000, 8).iter().map(|x| x.signum() * size).collect();
            if let Ok(Some(payload)) = encode(encoding, &spec(&[1000]), &delta, 0) {
                match decoded(encoding, &spec(&[1000]), &payload) {
                    Ok(values) => assert!(values.iter().all(|value| value.is_finite())),
                    Err(error) => assert_eq!(error.code(), "invalid"),
                }
            }
        }
    }
}

#[test]
fn another_arrays_payload_is_refused_with_its_reason() {
    let (one, encoding) = (spec(&[20, 50]), Encoding::Rotation { bits: 4 });
    let payload = encode(encoding, &one, &normal(1000, 9), 1).unwrap().unwrap();
    let refused = |encoding, spec: &ArraySpec, payload: &[u8]| {
        decoded(encoding, spec, payload).map(drop).unwrap_err().to_string()
    };
    assert!(refused(encoding, &spec(&[50, 20]), &payload).contains("not of 'w'"));
    assert!(refused(Encoding::Rotation { bits: 3 }, &one, &payload).contains("bytes"));
    assert!(refused(encoding, &one, &payload[..payload.len() - 1]).contains("bytes"));
    let mut bent = payload.clone();
    bent[3] = 2;
    assert!(refused(encoding, &one, &bent).contains("does not begin"));
    let mut bent = payload.clone();
    bent[5] = 3;
    assert!(refused(encoding, &one, &bent).contains("with 3 bits"));
    for scale in [f32::NAN, f32::INFINITY, -1.0, f32::MAX] {
        let mut bent = payload.clone();
        bent[32..36].copy_from_slice(&scale.to_le_bytes());
        assert!(refused(encoding, &one, &bent).contains("scale"), "{scale}");
    }
}

#[test]
fn places_that_repeat_or_lie_outside_are_refused() {
    let (one, encoding) = (spec(&[100]), Encoding::TopK { fraction: 0.04 });
    let good = encode(encoding, &one, &normal(100, 10), 0).unwrap().unwrap();
    assert!(decoded(encoding, &one, &good).is_ok());
    let places = 24 + 4;
    for (at, bytes) in [
        (places + 2, [good[places], good[places + 1]]),
        (places + 6, 100u16.to_le_bytes()),
        (places + 8, 0x7F80u16.to_le_bytes()),
        (24, 5u16.to_le_bytes()),
        (24, 3u16.to_le_bytes()),
        (26, [0xFF, 0xFF]),
    ] {
        let mut bent = good.clone();
        bent[at..at + 2].copy_from_slice(&bytes);
        assert!(decoded(encoding, &one, &bent).is_err(), "{at} {bytes:?}");
    }
}

#[test]
fn an_encoding_is_read_as_it_is_written() {
    for encoding in all().into_iter().chain([Encoding::Full]) {
        let text = serde_json::to_string(&encoding).unwrap();
        assert_eq!(serde_json::from_str::<Encoding>(&text).unwrap(), encoding, "{text}");
        assert_eq!(Encoding::named(encoding.name()).map(Encoding::name), Some(encoding.name()));
    }
    assert_eq!(serde_json::from_str::<Encoding>("\"rotation\"").unwrap(), Encoding::Rotation { bits: 4 });
    for bad in [
        r#""zip""#,
        r#"{"by":"rotation","bits":5}"#,
        r#"{"by":"top_k","fraction":0}"#,
        r#"{"by":"int8","bits":2}"#,
    ] {
        assert!(serde_json::from_str::<Encoding>(bad).is_err(), "{bad}");
    }
}

fn encodings() -> impl Strategy<Value = Encoding> {
    prop::sample::select(all())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_shape_comes_back_with_no_more_than_the_largest_error(
        encoding in encodings(), rows in 1usize..9, columns in 1usize..900, seed: u64,
    ) {
        let spec = spec(&[rows, columns]);
        let delta = normal(rows * columns, seed);
        match encode(encoding, &spec, &delta, seed).unwrap() {
            None => prop_assert!(encoding.length(&spec).is_none()),
            Some(payload) => {
                let y = decoded(encoding, &spec, &payload).unwrap();
                prop_assert_eq!(y.len(), delta.len());
                let most = match encoding {
                    Encoding::Rotation { bits: 1 } => 1.2,
                    Encoding::Rotation { bits: 2 } => 0.4,
                    Encoding::Rotation { .. } => 0.2,
                    Encoding::TopK { .. } => 1.0,
                    _ => 1e-3,
                };
                prop_assert!(error(&delta, &y) <= most, "{}", error(&delta, &y));
            }
        }
    }

    #[test]
    fn hostile_bytes_are_refused_or_finite_and_never_more(
        encoding in encodings(), bytes in prop::collection::vec(any::<u8>(), 0..600), keep_header: bool, seed: u64,
    ) {
        let spec = spec(&[3, 400]);
        let mut payload = encode(encoding, &spec, &normal(1200, seed), seed).unwrap().unwrap();
        let start = if keep_header { 32 } else { 0 };
        let end = (start + bytes.len()).min(payload.len());
        payload[start..end].copy_from_slice(&bytes[..end - start]);
        match decoded(encoding, &spec, &payload) {
            Ok(values) => prop_assert!(values.len() == 1200 && values.iter().all(|value| value.is_finite())),
            Err(error) => prop_assert_eq!(error.code(), "invalid"),
        }
        prop_assert!(decoded(encoding, &spec, &bytes).is_err());
    }
}
