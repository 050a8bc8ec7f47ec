//! The private mean: clipped changes, summed on a lattice, noise, a fixed divisor.
//!
//! With Δᵢ = xᵢ − x over all floating-point arrays together, the result is x + (Σᵢ trunc(Δᵢ·min(1, C/‖Δᵢ‖)) + noise) / D. Each
//! client's part is cut towards zero to the lattice of 2^-32 standard deviations of the noise, which never makes it longer;
//! sums are whole numbers, so neither order nor threads matter. D is fixed before anybody answers: clients that do not deliver
//! count as no change. All clients weigh the same.
//!
//! Integer and boolean arrays cannot be clipped and stay as they are in x.
//!
//! [`levels`] is the same for a sum that came in whole numbers, of changes that nobody but their clients has seen.

use crate::{
    ArrayReader, Error, ErrorKind, ModelSchema, Result,
    finite::first_non_finite,
    kernels,
    tiles::{self, Tile},
};

use super::noise::{Key, LATTICE_BITS, Noise, WEIGHT_BITS, blend};

/// Elements that share a stream of noise. Part of what a key means: another length would give other noise.
const BLOCK: usize = 1 << 16;

/// By how much a norm is raised before it is compared: more than its sum can lose by rounding.
const NORM_SLACK: f64 = 1e-9;

/// What a round's clipped changes become.
#[derive(Clone, Copy)]
pub struct Release<'a> {
    /// x, the model that the clients began from.
    pub model: &'a dyn ArrayReader,
    /// C, above 0.
    pub clip: f64,
    /// The noise's standard deviation in the sum, above 0.
    pub deviation: f64,
    /// D, above 0.
    pub divisor: f64,
    /// What is added.
    pub noise: &'a Added,
}

/// The noise of a release: one stream of normals a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// Each cut to the lattice by itself, and added (+1) or taken away (−1): what is taken away later is gone to the last bit.
    Each(Vec<(Key, i64)>),
    /// One sum with weights in steps of 2^-[`WEIGHT_BITS`](super::noise::WEIGHT_BITS), cut to the lattice as a whole.
    Blend(Vec<(Key, i64)>),
}

impl Added {
    /// The standard deviation of the noise where that of each stream is 1.
    #[must_use]
    pub fn spread(&self) -> f64 {
        let (Self::Each(streams) | Self::Blend(streams)) = self;
        let one = if matches!(self, Self::Each(_)) { 1.0 } else { (1u64 << WEIGHT_BITS) as f64 };
        streams.iter().map(|(_, weight)| (*weight as f64 / one).powi(2)).sum::<f64>().sqrt()
    }

    fn add(&self, stream: u64, sums: &mut [i64]) {
        match self {
            Self::Each(streams) => {
                for (key, sign) in streams {
                    let mut noise = Noise::new(key, stream);
                    sums.iter_mut().for_each(|sum| *sum += sign * noise.draw());
                }
            }
            Self::Blend(streams) => {
                let begin = |(key, weight): &(Key, i64)| (Noise::new(key, stream), *weight);
                let mut streams: Vec<_> = streams.iter().map(begin).collect();
                sums.iter_mut().for_each(|sum| *sum += blend(&mut streams));
            }
        }
    }
}

/// ‖xᵢ − x‖ over all floating-point arrays, for every update.
///
/// # Errors
/// `internal` where a reader fails; `invalid` where a norm is not finite.
pub fn norms(
    schema: &ModelSchema,
    model: &dyn ArrayReader,
    updates: &[&dyn ArrayReader],
    threads: usize,
) -> Result<Vec<f64>> {
    let mut squares = vec![0.0; updates.len()];
    let worker = || {
        let (mut input, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
        move |tile: Tile, piece: &mut Vec<f64>| {
            piece.clear();
            if !tile.dtype.is_float() {
                return Ok(());
            }
            load(tile, model, format_args!("the model"), &mut input, &mut x)?;
            for (place, update) in updates.iter().enumerate() {
                load(tile, *update, format_args!("update {place}"), &mut input, &mut y)?;
                piece.push(y.iter().zip(&x).map(|(y, x)| (y - x) * (y - x)).sum());
            }
            Ok(())
        }
    };
    tiles::run(schema, BLOCK, threads, worker, |_, piece: &Vec<f64>| {
        squares.iter_mut().zip(piece).for_each(|(square, part)| *square += part);
        Ok(())
    })?;
    match squares.iter().position(|square| !square.is_finite()) {
        Some(place) => Err(Error::new(ErrorKind::Invalid, format!("update {place} has no finite norm"))),
        None => Ok(squares.into_iter().map(f64::sqrt).collect()),
    }
}

/// Writes the private mean to `out`, array after array in schema order, in pieces of any length. `norms` are those of
/// [`norms`] for the same updates; there may be no update, and then the result is noise around the model.
///
/// # Errors
/// `invalid` where a number of the release is out of range or the result leaves the range of its type; `internal` where a
/// reader fails; whatever `out` returns, at once.
pub fn release(
    schema: &ModelSchema,
    updates: &[&dyn ArrayReader],
    norms: &[f64],
    release: Release<'_>,
    threads: usize,
    out: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let step = release.step()?;
    if norms.len() != updates.len() {
        return Err(Error::internal("there are other norms than updates"));
    }
    // Room for the noise is kept as well.
    if release.clip / step * updates.len() as f64 > (1u64 << 61) as f64 {
        return Err(Error::new(ErrorKind::Invalid, "the noise is too small beside the clipping norm"));
    }
    let factors: Vec<f64> =
        norms.iter().map(|norm| (release.clip / (norm * (1.0 + NORM_SLACK))).min(1.0) / step).collect();
    let worker = || {
        let (mut input, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
        let mut sums = Vec::new();
        let factors = &factors;
        move |tile: Tile, piece: &mut Vec<u8>| {
            if !tile.dtype.is_float() {
                return tile.read(release.model, format_args!("the model"), piece);
            }
            load(tile, release.model, format_args!("the model"), &mut input, &mut x)?;
            sums.clear();
            sums.resize(tile.elements, 0i64);
            for (place, (update, factor)) in updates.iter().zip(factors).enumerate() {
                load(tile, *update, format_args!("update {place}"), &mut input, &mut y)?;
                for ((sum, y), x) in sums.iter_mut().zip(&y).zip(&x) {
                    *sum += ((y - x) * factor) as i64;
                }
            }
            release.finish(tile, &mut sums, &mut x, piece);
            Ok(())
        }
    };
    tiles::run(schema, BLOCK, threads, worker, |tile, piece: &Vec<u8>| {
        check(schema, tile, piece)?;
        out(piece)
    })
}

impl Release<'_> {
    /// What one step of the lattice is worth.
    fn step(&self) -> Result<f64> {
        let step = self.deviation / (1u64 << LATTICE_BITS) as f64;
        let positive = |x: f64| x.is_finite() && x > 0.0;
        if [self.clip, step, self.divisor].into_iter().all(positive) {
            return Ok(step);
        }
        Err(Error::new(ErrorKind::Invalid, "clip, noise and divisor must be above 0"))
    }

    /// A tile of the result, from its sums on the lattice and its part `x` of the model.
    fn finish(&self, tile: Tile, sums: &mut [i64], x: &mut [f64], piece: &mut Vec<u8>) {
        self.noise.add(stream(tile), sums);
        let step = self.deviation / (1u64 << LATTICE_BITS) as f64;
        for (x, sum) in x.iter_mut().zip(sums) {
            *x += *sum as f64 * step / self.divisor;
        }
        piece.resize(tile.bytes(), 0);
        kernels::finish(tile.dtype, x, 1.0, piece);
    }
}

/// That a piece of the result has a number in every place.
fn check(schema: &ModelSchema, tile: Tile, piece: &[u8]) -> Result<()> {
    let Some(at) = first_non_finite(tile.dtype, piece) else { return Ok(()) };
    let name = &schema.arrays()[tile.array].name;
    let why = format!("noise took array '{name}' beyond all bounds at element {}", tile.start + at);
    Err(Error::new(ErrorKind::Invalid, why))
}

/// Writes `update`, moved towards `model` until it is at most `clip` away over all floating-point arrays, to `out`, array
/// after array in schema order: what a client does that clips before it sends. Rounding to the arrays' own types can lengthen
/// the result again by a little, so the server clips once more.
///
/// # Errors
/// As [`norms`]; whatever `out` returns, at once.
pub fn clipped(
    schema: &ModelSchema,
    model: &dyn ArrayReader,
    update: &dyn ArrayReader,
    clip: f64,
    out: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let norm = norms(schema, model, &[update], 1)?[0];
    let factor = (clip / norm).min(1.0);
    let worker = || {
        let (mut input, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
        move |tile: Tile, piece: &mut Vec<u8>| {
            if factor == 1.0 || !tile.dtype.is_float() {
                return tile.read(update, format_args!("the update"), piece);
            }
            load(tile, model, format_args!("the model"), &mut input, &mut x)?;
            load(tile, update, format_args!("the update"), &mut input, &mut y)?;
            x.iter_mut().zip(&y).for_each(|(x, y)| *x += (y - *x) * factor);
            piece.resize(tile.bytes(), 0);
            kernels::finish(tile.dtype, &x, 1.0, piece);
            Ok(())
        }
    };
    tiles::run(schema, BLOCK, 1, worker, |_, piece: &Vec<u8>| out(piece))
}

/// Every block of every array has a stream of its own.
fn stream(tile: Tile) -> u64 {
    (tile.array as u64) << 40 | (tile.start / BLOCK) as u64
}

fn load(
    tile: Tile,
    reader: &dyn ArrayReader,
    whose: std::fmt::Arguments<'_>,
    input: &mut Vec<u8>,
    values: &mut Vec<f64>,
) -> Result<()> {
    tile.read(reader, whose, input)?;
    kernels::widen(tile.dtype, input, values);
    Ok(())
}

pub mod levels;
#[cfg(test)]
mod tests;
