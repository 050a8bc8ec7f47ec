//! The private mean of a sum of changes that clients clipped and rounded to levels themselves, as secure aggregation gives it.
//!
//! A change of one client, as the sum has it, is at most `longest` long: C and what rounding to levels adds. Here the sum goes
//! over to the noise's lattice, by whole numbers alone: multiplied by a fixed ratio with 64 binary places and cut downwards. That
//! can put neighbours' sums one step of the lattice further apart in each element, 2^-32 standard deviations, for which
//! [`sensitivity`] makes room. From there on all is as with updates that came open.

use crate::{DType, Error, ErrorKind, ModelSchema, Result, tiles};

use super::{BLOCK, LATTICE_BITS, Release, check, load};

/// Binary places of the ratio between a level and the lattice.
const PLACES: u32 = 64;

/// A sum of changes in whole numbers, in the order of the schema: that of number j is exactly (2·`levels[j]` − `zero`)·`half_step`.
#[derive(Clone, Copy, Debug)]
pub struct Levels<'a> {
    /// The sums of the levels.
    pub levels: &'a [u32],
    /// Twice the sum of levels that stands for no change; at most 2^32.
    pub zero: u64,
    /// Half of what one level is worth, above 0.
    pub half_step: f64,
}

impl Levels<'_> {
    /// On the lattice: downwards, by whole numbers alone.
    fn cut(&self, level: u32, factor: i128) -> i64 {
        (((2 * i128::from(level) - i128::from(self.zero)) * factor) >> PLACES) as i64
    }
}

/// How many steps of the lattice half a level is, with [`PLACES`] binary places; never more than it is.
fn factor(half_step: f64, step: f64) -> Result<i128> {
    let ratio = half_step / step * (1.0 - f64::EPSILON);
    // (2·level − zero) has 33 bits and a sign; the noise needs room as well.
    if ratio > 0.0 && ratio < (1u64 << 28) as f64 {
        return Ok((ratio * 2f64.powi(PLACES as i32)) as i128);
    }
    Err(Error::new(ErrorKind::Invalid, "the noise is too small beside the clipping norm"))
}

/// C': what noise of `multiplier` standard deviations each has to be calibrated to, so that `elements` numbers of which one
/// client moves the sum by at most `longest` can be cut to the lattice of that very noise:
/// C' = longest + √elements · multiplier · C' / 2^32.
///
/// # Errors
/// `invalid` where the lattice would be as coarse as what it protects.
pub fn sensitivity(longest: f64, elements: u64, multiplier: f64) -> Result<f64> {
    let coarse = multiplier * (elements as f64).sqrt() / (1u64 << LATTICE_BITS) as f64;
    // Not below 1, whatever floating point does to it.
    let sensitivity = longest / (1.0 - coarse) * (1.0 + 1e-12);
    if coarse < 0.5 && sensitivity.is_finite() && sensitivity > 0.0 {
        return Ok(sensitivity);
    }
    Err(Error::new(ErrorKind::Invalid, "the model is too large for so much noise"))
}

/// Writes the private mean to `out`, as [`release`](super::release) does for updates. `release.deviation` must be that of noise
/// for [`sensitivity`]; `release.clip` is what each client was told.
///
/// # Errors
/// As [`release`](super::release); `invalid` where the model has arrays other than f32 or another length than the sum.
pub fn release(
    schema: &ModelSchema,
    sum: Levels<'_>,
    release: Release<'_>,
    threads: usize,
    out: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let invalid = |why: &str| Err(Error::new(ErrorKind::Invalid, why.to_owned()));
    if schema.arrays().iter().any(|array| array.dtype != DType::F32)
        || schema.bytes() != 4 * sum.levels.len() as u64
    {
        return invalid("the sum is not that of the model's arrays");
    }
    if sum.zero > 1 << 32 {
        return invalid("the sum has a zero that no levels have");
    }
    let factor = factor(sum.half_step, release.step()?)?;
    let worker = || {
        let (mut input, mut x, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        move |tile: tiles::Tile, piece: &mut Vec<u8>| {
            load(tile, release.model, format_args!("the model"), &mut input, &mut x)?;
            let start = schema.array_offset(tile.array) as usize / 4 + tile.start;
            sums.clear();
            let levels = &sum.levels[start..start + tile.elements];
            sums.extend(levels.iter().map(|&level| sum.cut(level, factor)));
            release.finish(tile, &mut sums, &mut x, piece);
            Ok(())
        }
    };
    tiles::run(schema, BLOCK, threads, worker, |tile, piece: &Vec<u8>| {
        check(schema, tile, piece)?;
        out(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        ArraySpec, MemoryArrays,
        privacy::{noise::Key, sum::Added},
    };

    const KEY: Key = [11; 32];

    /// Two arrays, so that the second has to be found behind the first.
    fn schema(length: usize) -> ModelSchema {
        ModelSchema::new(vec![
            ArraySpec::new("w", DType::F32, &[length]),
            ArraySpec::new("b", DType::F32, &[2]),
        ])
        .unwrap()
    }

    fn run(
        model: &[f32],
        sum: Levels<'_>,
        clip: f64,
        deviation: f64,
        noise: &[(Key, i64)],
    ) -> Result<Vec<f32>> {
        let schema = schema(model.len() - 2);
        let model = MemoryArrays::new(schema.clone(), model.iter().flat_map(|x| x.to_le_bytes()).collect())?;
        let noise = &Added::Each(noise.to_vec());
        let terms = Release { model: &model, clip, deviation, divisor: 4.0, noise };
        let mut out = Vec::new();
        release(&schema, sum, terms, 2, &mut |piece| {
            out.extend(piece.as_chunks::<4>().0.iter().map(|raw| f32::from_le_bytes(*raw)));
            Ok(())
        })?;
        Ok(out)
    }

    #[test]
    fn the_result_is_the_sum_over_the_divisor_in_the_arrays_own_places() {
        // Three clients with levels 0 to 1000 for -1 to 1: 3000 is no change, and 2 the most.
        let sum = Levels { levels: &[1500, 3000, 0, 1500, 2000], zero: 3000, half_step: 1e-3 };
        let got = run(&[0.0, 0.0, 0.0, 5.0, 5.0], sum, 1.0, 1.0, &[]).unwrap();
        for (got, wanted) in got.iter().zip([0.0, 0.75, -0.75, 5.0, 5.25]) {
            assert!((got - wanted).abs() < 1e-6, "{got} {wanted}");
        }
    }

    #[test]
    fn a_sum_of_no_change_becomes_noise_of_its_deviation_over_the_divisor() {
        let length = 70_000;
        let levels = vec![1500; length];
        let sum = Levels { levels: &levels, zero: 3000, half_step: 1e-3 };
        let got = run(&vec![0.0; length], sum, 1.0, 2.0, &[(KEY, 1)]).unwrap();
        let deviation = (got.iter().map(|x| f64::from(x * x)).sum::<f64>() / length as f64).sqrt();
        assert!((deviation - 0.5).abs() < 0.01, "{deviation}");
        assert!(run(&vec![0.0; length], sum, 1.0, 2.0, &[]).unwrap().iter().all(|x| *x == 0.0));
    }

    #[test]
    fn the_noise_is_that_of_open_updates_with_the_same_key() {
        let model = [0.0; 5];
        let sum = Levels { levels: &[1500; 5], zero: 3000, half_step: 1e-3 };
        let masked = run(&model, sum, 1.0, 2.0, &[(KEY, 1)]).unwrap();
        let schema = schema(3);
        let model = MemoryArrays::new(schema.clone(), vec![0; 20]).unwrap();
        let noise = &Added::Each(vec![(KEY, 1)]);
        let terms = Release { model: &model, clip: 1.0, deviation: 2.0, divisor: 4.0, noise };
        let mut open = Vec::new();
        super::super::release(&schema, &[], &[], terms, 1, &mut |piece| {
            open.extend(piece.as_chunks::<4>().0.iter().map(|raw| f32::from_le_bytes(*raw)));
            Ok(())
        })
        .unwrap();
        assert_eq!(masked, open);
    }

    #[test]
    fn a_sum_of_another_model_or_without_room_for_noise_is_refused() {
        let sum = Levels { levels: &[1; 5], zero: 2, half_step: 1e-3 };
        let refused = |sum: Levels<'_>, model: &[f32], clip, deviation| {
            run(model, sum, clip, deviation, &[]).err().map(|error| error.code())
        };
        assert_eq!(refused(sum, &[0.0; 5], 1.0, 1.0), None);
        assert_eq!(refused(sum, &[0.0; 6], 1.0, 1.0), Some("invalid"));
        assert_eq!(refused(sum, &[0.0; 5], 1.0, 0.0), Some("invalid"));
        assert_eq!(refused(sum, &[0.0; 5], 0.0, 1.0), Some("invalid"));
        assert_eq!(refused(sum, &[0.0; 5], 1.0, 1e-3), Some("invalid"), "half a step is 2^32 of the lattice");
        assert_eq!(refused(Levels { zero: 1 << 33, ..sum }, &[0.0; 5], 1.0, 1.0), Some("invalid"));
        assert_eq!(sensitivity(1.0, 1 << 30, 1e5).unwrap_err().code(), "invalid");
        assert_eq!(sensitivity(0.0, 1, 1.0).unwrap_err().code(), "invalid");
    }

    proptest! {
        /// However the sum is cut, one client moves it by no more than what the noise is for.
        #[test]
        fn neighbours_are_no_further_apart_than_the_sensitivity(
            others in prop::collection::vec(0u32..2_000_000_000, 5),
            own in prop::collection::vec(0u32..1_000_000_000, 5),
            multiplier in 0.05f64..100.0,
        ) {
            let (levels, clip) = (1_000_000_000u32, 1.0);
            let half_step = clip / f64::from(levels);
            let change = |level: &u32| (2.0 * f64::from(*level) - f64::from(levels)) * half_step;
            let longest = own.iter().map(|level| change(level).powi(2)).sum::<f64>().sqrt();
            prop_assume!(longest > 0.0);
            let deviation = multiplier * sensitivity(longest, 5, multiplier).unwrap();
            let step = deviation / (1u64 << LATTICE_BITS) as f64;
            let factor = factor(half_step, step).unwrap();
            let cut = |level: u32, clients: u64| {
                Levels { levels: &[], zero: clients * u64::from(levels), half_step }.cut(level, factor)
            };
            let apart = others.iter().zip(&own).map(|(&others, &own)| {
                (cut(others + own, 3) - cut(others, 2)) as f64 * step
            });
            let apart = apart.map(|number| number * number).sum::<f64>().sqrt();
            prop_assert!(apart <= deviation / multiplier * (1.0 + 1e-9), "{apart} {longest}");
        }
    }
}
