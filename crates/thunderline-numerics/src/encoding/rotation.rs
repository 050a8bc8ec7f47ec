//! One to four bits for each coordinate of a rotated block: DRIVE and EDEN (Vargaftik et al. 2021, arXiv 2105.08339; 2022, arXiv
//! 2108.08842).
//!
//! A block x of d elements is turned twice by random signs and the Hadamard transform H, which is not normalised: y = H·D₂·H·D₁·x.
//! The coordinates of y are then nearly normal with the deviation √d·‖x‖, whatever x was, so the best quantiser is known: the
//! centroids q of Lloyd and Max for the normal distribution. Decoded is S·D₁·H·D₂·H·q with S = ‖x‖² / ⟨y, q⟩, which makes the
//! expectation x: errors of many clients cancel. That is exact for rotations that are uniform. Turned once, a block in which one
//! number is much larger than all others would not be near enough to normal, and a tenth of that number would be lost for good.
//!
//! Blocks are of 4096 elements, the rest of ever smaller powers of two; the last, of 8 to 64, is filled up with zeros. For each
//! block: S (`float32`), then eight codes in as many bytes as a code has bits, the first in the lowest bits.

use super::{
    hadamard::{transform, turn_signs},
    source::Source,
};
use crate::{Result, kernels::wide, malformed};

const LARGEST: usize = 4096;
/// Rests that are smaller are filled up.
const SMALLEST: usize = 64;
const GROUP: usize = 8;
/// Blocks that are shorter than this are nothing: 2^-100.
const NOTHING: f64 = 1.0 / (1u128 << 100) as f64;

/// The positive centroids for so many bits, inside out, and the borders between them.
fn half_table(bits: u8) -> (&'static [f32], &'static [f32]) {
    match bits {
        1 => (&[0.797_884_6], &[]),
        2 => (&[0.452_780_04, 1.510_417_6], &[0.981_598_8]),
        3 => (
            &[0.245_094_18, 0.756_005_3, 1.343_909_3, 2.151_945_6],
            &[0.500_549_73, 1.049_957_3, 1.747_927_5],
        ),
        _ => (
            &[
                0.128_395_04,
                0.388_048_3,
                0.656_759_14,
                0.942_340_43,
                1.256_231_2,
                1.618_046_4,
                2.069_017_2,
                2.732_589_5,
            ],
            &[0.258_221_66, 0.522_403_7, 0.799_549_76, 1.099_285_8, 1.437_138_8, 1.843_531_8, 2.400_803_3],
        ),
    }
}

/// The centroids from the lowest to the highest, and the borders between them.
struct Table {
    centroids: [f32; 16],
    borders: Vec<f32>,
}

impl Table {
    fn new(bits: u8) -> Self {
        let (positive, between) = half_table(bits);
        let mut centroids = [0.0; 16];
        let all = positive.iter().rev().map(|centroid| -centroid).chain(positive.iter().copied());
        centroids.iter_mut().zip(all).for_each(|(place, centroid)| *place = centroid);
        let mut borders: Vec<f32> = between.iter().rev().map(|border| -border).collect();
        borders.push(0.0);
        borders.extend(between);
        Self { centroids, borders }
    }
}

/// The blocks of an array: where each begins, how many elements it has, and how many with what it is filled up with.
fn blocks(elements: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let left = elements - start;
        let (used, size) = match left {
            0 => return None,
            LARGEST.. => (LARGEST, LARGEST),
            SMALLEST.. => (1 << left.ilog2(), 1 << left.ilog2()),
            _ => (left, left.next_power_of_two().max(GROUP)),
        };
        start += used;
        Some((start - used, used, size))
    })
}

pub(super) fn length(elements: usize, bits: u8) -> u64 {
    let whole = (elements / LARGEST) as u64;
    let rest: u64 = blocks(elements % LARGEST).map(|(_, _, size)| block_length(size, bits)).sum();
    whole * block_length(LARGEST, bits) + rest
}

fn block_length(size: usize, bits: u8) -> u64 {
    4 + (size / GROUP * usize::from(bits)) as u64
}

/// Σ in an order that depends on the length alone, which is a power of two: halves are added until one is left.
fn sum(values: &mut [f64]) -> f64 {
    let mut length = values.len();
    while length > 1 {
        length /= 2;
        let (low, high) = values.split_at_mut(length);
        low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
    }
    values[0]
}

pub(super) fn write(delta: &[f32], bits: u8, seed: u64, out: &mut Vec<u8>) -> Result<()> {
    let table = Table::new(bits);
    let (mut values, mut terms) = (vec![0f32; LARGEST], vec![0f64; LARGEST]);
    let mut codes = [0u8; LARGEST];
    for (start, used, size) in blocks(delta.len()) {
        let (values, terms, codes) = (&mut values[..size], &mut terms[..size], &mut codes[..size]);
        values[..used].copy_from_slice(&delta[start..start + used]);
        values[used..].fill(0.0);
        terms.iter_mut().zip(&*values).for_each(|(term, x)| *term = f64::from(*x) * f64::from(*x));
        let norm = sum(terms);
        if norm.sqrt() < NOTHING {
            out.resize(out.len() + block_length(size, bits) as usize, 0);
            continue;
        }
        let word = (start / 64) as u64;
        turn_signs(values, word, seed);
        transform(values);
        turn_signs(values, word, !seed);
        transform(values);
        let shorten = (1.0 / (norm * size as f64).sqrt()) as f32;
        quantise(values, shorten, &table.borders, codes);
        for ((term, y), code) in terms.iter_mut().zip(&*values).zip(&*codes) {
            *term = f64::from(*y) * f64::from(table.centroids[usize::from(*code)]);
        }
        let scale = (norm / sum(terms)) as f32;
        if !(scale.is_finite() && scale >= 0.0) {
            return Err(malformed("encoding", "the difference is too large for a rotation"));
        }
        out.extend(scale.to_le_bytes());
        pack(codes, bits, out);
    }
    Ok(())
}

/// How many borders lie below each coordinate.
fn quantise(values: &[f32], shorten: f32, borders: &[f32], codes: &mut [u8]) {
    wide::run(
        #[inline(always)]
        || quantise_each(values, shorten, borders, codes),
    );
}

#[inline(always)]
fn quantise_each(values: &[f32], shorten: f32, borders: &[f32], codes: &mut [u8]) {
    for (values, codes) in values.as_chunks::<GROUP>().0.iter().zip(codes.as_chunks_mut::<GROUP>().0) {
        let shortened = values.map(|value| value * shorten);
        let mut below = [0u32; GROUP];
        for border in borders {
            for (below, value) in below.iter_mut().zip(&shortened) {
                *below += u32::from(value > border);
            }
        }
        *codes = below.map(|below| below as u8);
    }
}

fn pack(codes: &[u8], bits: u8, out: &mut Vec<u8>) {
    for codes in codes.as_chunks::<GROUP>().0 {
        let word = codes.iter().rev().fold(0u32, |word, code| word << bits | u32::from(*code));
        out.extend(&word.to_le_bytes()[..usize::from(bits)]);
    }
}

pub(super) fn read(
    source: &mut Source<'_>,
    elements: usize,
    bits: u8,
    seed: u64,
    out: &mut dyn FnMut(&[f32]) -> Result<()>,
) -> Result<()> {
    let table = Table::new(bits);
    let (mut bytes, mut values) =
        (Vec::new(), vec![0f32; LARGEST.min(elements.max(GROUP).next_power_of_two())]);
    for (start, used, size) in blocks(elements) {
        let scale = source.scale()?;
        // No coordinate can be farther out than if all were the largest centroid, in both transforms.
        if !(scale * (size * size) as f32 * 3.0).is_finite() {
            return Err(malformed("payload", format!("the scale {scale}")));
        }
        let values = &mut values[..size];
        unpack(source.take(size / GROUP * usize::from(bits), &mut bytes)?, bits, &table.centroids, values);
        let word = (start / 64) as u64;
        transform(values);
        turn_signs(values, word, !seed);
        transform(values);
        turn_signs(values, word, seed);
        values.iter_mut().for_each(|value| *value *= scale);
        out(&values[..used])?;
    }
    Ok(())
}

fn unpack(bytes: &[u8], bits: u8, centroids: &[f32; 16], values: &mut [f32]) {
    match bits {
        1 => groups::<1>(bytes, centroids, values),
        2 => groups::<2>(bytes, centroids, values),
        3 => groups::<3>(bytes, centroids, values),
        _ => groups::<4>(bytes, centroids, values),
    }
}

fn groups<const BITS: usize>(bytes: &[u8], centroids: &[f32; 16], values: &mut [f32]) {
    for (raw, values) in bytes.as_chunks::<BITS>().0.iter().zip(values.as_chunks_mut::<GROUP>().0) {
        let word = raw.iter().rev().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        for (place, value) in values.iter_mut().enumerate() {
            *value = centroids[(word >> (BITS * place)) as usize & ((1 << BITS) - 1)];
        }
    }
}
