//! No client moves more than is accounted for, and the rounds' noise is that of the matrix.

use proptest::prelude::*;

use super::*;
use crate::{
    ArraySpec, DType, MemoryArrays, ModelSchema,
    privacy::sum::{Release, release},
};

/// D over so many rounds, row by row.
fn matrix(band: Band, rounds: usize) -> Vec<Vec<f64>> {
    let weights: Vec<f64> = band.weights().iter().map(|weight| *weight as f64 / ONE as f64).collect();
    let at = |row: usize, column: usize| row.checked_sub(column).and_then(|back| weights.get(back).copied());
    (0..rounds).map(|row| (0..rounds).map(|column| at(row, column).unwrap_or(0.0)).collect()).collect()
}

/// The solution of D·y = x, from the first row on.
fn solved(matrix: &[Vec<f64>], x: &[f64]) -> Vec<f64> {
    let mut y: Vec<f64> = Vec::new();
    for (row, x) in matrix.iter().zip(x) {
        let known: f64 = row.iter().zip(&y).map(|(weight, y)| weight * y).sum();
        y.push((x - known) / row[y.len()]);
    }
    y
}

/// The furthest that a client moves C·x, of all sets of rounds that the rule allows.
fn furthest(band: Band, rule: Participation, rounds: usize) -> f64 {
    let matrix = matrix(band, rounds);
    let mut furthest = 0.0f64;
    for set in 0u32..1 << rounds {
        let there: Vec<u32> = (0..rounds as u32).filter(|round| set >> round & 1 == 1).collect();
        let close = there.windows(2).any(|pair| pair[1] - pair[0] < rule.separation);
        if close || there.len() as u32 > rule.most {
            continue;
        }
        let x: Vec<f64> = (0..rounds).map(|round| f64::from(set >> round & 1)).collect();
        furthest = furthest.max(solved(&matrix, &x).iter().map(|y| y * y).sum());
    }
    furthest
}

#[test]
fn the_weights_are_those_of_the_square_root_and_add_up_to_the_residue() {
    let band = Band { bands: 4, residue: 0.25 };
    let weights: Vec<f64> = band.weights().iter().map(|weight| *weight as f64 / ONE as f64).collect();
    let forget = 1.0 - 0.0625;
    let wanted = [1.0, -forget / 2.0, -forget * forget / 8.0, forget / 2.0 + forget * forget / 8.0 - 0.75];
    for (got, wanted) in weights.iter().zip(wanted) {
        assert!((got - wanted).abs() < 1e-6, "{weights:?}");
    }
    for bands in 1..=MOST {
        for residue in [LEAST_RESIDUE, 0.01, 0.3, 1.0] {
            let weights = Band { bands, residue }.weights();
            let kept = if bands == 1 { 1.0 } else { residue };
            let sum = weights.iter().sum::<i64>() as f64 / ONE as f64;
            assert!((sum - kept).abs() < 1e-6 && weights[1..].iter().all(|weight| *weight <= 0));
            assert_eq!(weights.len(), bands as usize);
        }
    }
}

#[test]
fn one_band_is_independent_noise() {
    let (alone, rule) = (Band { bands: 1, residue: 1.0 }, Participation { most: 9, separation: 4 });
    let squared = alone.squared_sensitivity(rule, 30);
    assert!(
        (8.0..8.0 * (1.0 + 2.0 * OUTWARD)).contains(&squared),
        "a client in eight of 30 rounds: {squared}"
    );
    let error = (8.0f64 * 31.0 / 2.0).sqrt();
    assert!((alone.error(rule, 30) / error - 1.0).abs() < 1e-6);
    assert_eq!(alone.squared_sensitivity(rule, 0), 0.0);
    let key = [3; 32];
    assert_eq!(alone.noise(&key, 7), Added::Blend(vec![(derive(&key, &["banded", "7"]), ONE)]));
}

#[test]
fn what_is_chosen_is_never_worse_than_independent_noise_and_bands_are_spent_where_they_pay() {
    for rounds in [1, 2, 7, 64, 300] {
        for separation in [1, 2, 9, 64] {
            for most in [1, 3, 1000] {
                let rule = Participation { most, separation };
                let band = choose(rule, rounds, None, None);
                let alone = Band { bands: 1, residue: 1.0 }.error(rule, rounds);
                assert!(band.error(rule, rounds) <= alone, "{rule:?} {rounds}: {band:?}");
            }
        }
    }
    let every = Participation { most: 64, separation: 1 };
    assert_eq!(choose(every, 64, None, None).bands, 1, "who is always there gains nothing");
    let seldom = Participation { most: 4, separation: 16 };
    let (own, four) = (choose(seldom, 64, None, None), choose(seldom, 64, Some(4), None));
    assert!(own.bands > 1 && four.bands == 4, "{own:?} {four:?}");
    assert_eq!(choose(seldom, 64, Some(4), Some(0.5)), Band { bands: 4, residue: 0.5 });
    assert!(choose(seldom, 64, None, Some(0.5)).bands > 1);
    for residue in [0.9, 1.1].map(|factor| factor * four.residue) {
        assert!(Band { residue, ..four }.error(seldom, 64) >= four.error(seldom, 64) * 0.999);
    }
}

/// The noise of the model after each round, of many numbers at once, against D's own covariances.
#[test]
fn the_released_sums_have_the_noise_of_the_matrix_and_only_that() {
    const ROUNDS: usize = 6;
    const NUMBERS: usize = 20_000;
    let band = Band { bands: 3, residue: 0.2 };
    let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[NUMBERS])]).unwrap();
    let mut bytes = vec![0; 4 * NUMBERS];
    let mut after = Vec::new();
    for round in 1..=ROUNDS {
        let model = MemoryArrays::new(schema.clone(), bytes).unwrap();
        let noise = band.noise(&[8; 32], round as u64);
        let terms = Release { model: &model, clip: 1.0, deviation: 3.0, divisor: 3.0, noise: &noise };
        let mut out = Vec::new();
        release(&schema, &[], &[], terms, 2, &mut |piece| {
            out.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
        after.push(
            out.as_chunks::<4>().0.iter().map(|raw| f64::from(f32::from_le_bytes(*raw))).collect::<Vec<_>>(),
        );
        bytes = out;
    }
    let sums: Vec<Vec<f64>> = matrix(band, ROUNDS)
        .into_iter()
        .scan(vec![0.0; ROUNDS], |sum, row| {
            sum.iter_mut().zip(row).for_each(|(sum, weight)| *sum += weight);
            Some(sum.clone())
        })
        .collect();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for row in 0..ROUNDS {
        for column in 0..=row {
            let found = product(&after[row], &after[column]) / NUMBERS as f64;
            let wanted = product(&sums[row], &sums[column]);
            let (a, b) = (product(&sums[row], &sums[row]), product(&sums[column], &sums[column]));
            // Five standard deviations of what is estimated.
            let within = 5.0 * ((a * b + wanted * wanted) / NUMBERS as f64).sqrt();
            assert!((found - wanted).abs() < within, "{row} {column}: {found} instead of {wanted}");
        }
    }
}

#[test]
fn rounds_further_apart_than_they_must_be_can_be_worse_and_are_accounted_for() {
    // A sixth band that takes away most of a round's noise makes C's number five rounds later larger than that four later.
    let (band, rule) = (Band { bands: 6, residue: LEAST_RESIDUE }, Participation { most: 2, separation: 4 });
    let closest: Vec<f64> = (0..9).map(|round| f64::from(u8::from(round == 0 || round == 4))).collect();
    let closest: f64 = solved(&matrix(band, 9), &closest).iter().map(|y| y * y).sum();
    let (furthest, bound) = (furthest(band, rule, 9), band.squared_sensitivity(rule, 9));
    assert!(furthest > 1.01 * closest, "{furthest} {closest}");
    assert!((furthest..1.2 * furthest).contains(&bound), "{furthest} {bound}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_allowed_rounds_move_further_than_is_accounted_for(
        rounds in 1..9usize, bands in 1..7u32, residue in LEAST_RESIDUE..1.0, separation in 1..6u32, most in 1..9u32,
    ) {
        let (band, rule) = (Band { bands, residue }, Participation { most, separation });
        let (furthest, bound) = (furthest(band, rule, rounds), band.squared_sensitivity(rule, rounds as u64));
        prop_assert!(furthest <= bound, "{band:?} {rule:?}: {furthest} and {bound}");
        // Where the numbers of C do not grow any more, the bound is what a client can do.
        let column = band.column(rounds);
        let apart = if rule.times(rounds as u64) == 1 { rounds } else { separation as usize };
        if column.windows(2).skip(apart).all(|pair| pair[1] <= pair[0]) {
            prop_assert!(bound <= furthest * (1.0 + 2.0 * OUTWARD), "{band:?} {rule:?}: {furthest} and {bound}");
        }
    }

    #[test]
    fn more_rounds_never_cost_less(bands in 1..7u32, residue in LEAST_RESIDUE..1.0, separation in 1..6u32, most in 1..9u32) {
        let (band, rule) = (Band { bands, residue }, Participation { most, separation });
        let squared: Vec<f64> = (0..30).map(|rounds| band.squared_sensitivity(rule, rounds)).collect();
        prop_assert!(squared.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-9)), "{band:?} {rule:?}: {squared:?}");
    }
}
