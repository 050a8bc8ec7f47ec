//! The k largest numbers and where they are; all others are 0. What is left out is not lost: whoever encodes adds it to the next
//! difference (Stich et al. 2018, arXiv 1809.07599; Karimireddy et al. 2019, arXiv 1901.09847).
//!
//! For each 65 536 elements: how many follow (`uint32`), their places within these elements in ascending order (`uint16`), and
//! their values (`bfloat16`).

use ::half::bf16;

use super::{PIECE, source::Source};
use crate::{Result, malformed};

/// How many of so many elements are sent at most.
fn most(elements: usize, fraction: f64) -> usize {
    ((fraction * elements as f64).ceil() as usize).clamp(elements.min(1), elements)
}

pub(super) fn longest(elements: usize, fraction: f64) -> u64 {
    4 * elements.div_ceil(PIECE) as u64 + 4 * most(elements, fraction) as u64
}

fn magnitude(value: f32) -> u32 {
    value.to_bits() & 0x7FFF_FFFF
}

/// Equal magnitudes go in the order of the array; zeros are never sent.
pub(super) fn write(delta: &[f32], fraction: f64, out: &mut Vec<u8>) -> Result<()> {
    let count = most(delta.len(), fraction);
    if count == 0 {
        return Ok(());
    }
    let mut magnitudes: Vec<u32> = delta.iter().map(|value| magnitude(*value)).collect();
    let place = magnitudes.len() - count;
    let (_, least, above) = magnitudes.select_nth_unstable(place);
    let least = *least;
    let above = above.iter().filter(|other| **other > least).count();
    let mut equal = if least == 0 { 0 } else { count - above };
    drop(magnitudes);
    for piece in delta.chunks(PIECE) {
        let (mut places, mut values) = (Vec::new(), Vec::new());
        for (place, value) in (0u16..=u16::MAX).zip(piece) {
            let size = magnitude(*value);
            let chosen = size > least || (size == least && equal > 0);
            if !chosen {
                continue;
            }
            equal -= usize::from(size == least);
            let short = bf16::from_f32(*value);
            if !short.is_finite() {
                return Err(malformed("encoding", format!("{value} is too large for bf16")));
            }
            places.extend(place.to_le_bytes());
            values.extend(short.to_le_bytes());
        }
        let here = u32::try_from(places.len() / 2).expect("a piece has 65 536 elements at most");
        out.extend(here.to_le_bytes());
        out.extend(places);
        out.extend(values);
    }
    Ok(())
}

pub(super) fn read(
    source: &mut Source<'_>,
    elements: usize,
    fraction: f64,
    out: &mut dyn FnMut(&[f32]) -> Result<()>,
) -> Result<()> {
    let (mut places, mut values) = (Vec::new(), Vec::new());
    let mut dense = vec![0f32; PIECE.min(elements)];
    let (mut left, mut allowed) = (elements, most(elements, fraction));
    while left > 0 {
        let dense = &mut dense[..left.min(PIECE)];
        let mut count = [0; 4];
        source.fill(&mut count)?;
        let count = u32::from_le_bytes(count) as usize;
        allowed = match allowed.checked_sub(count) {
            Some(allowed) if count <= dense.len() => allowed,
            _ => return Err(malformed("payload", "it has more elements than agreed")),
        };
        let places = source.take(2 * count, &mut places)?;
        let values = source.take(2 * count, &mut values)?;
        dense.fill(0.0);
        let mut before = None;
        for (place, value) in places.as_chunks::<2>().0.iter().zip(values.as_chunks::<2>().0) {
            let (place, value) = (u16::from_le_bytes(*place), bf16::from_le_bytes(*value));
            if before.is_some_and(|before| place <= before) || usize::from(place) >= dense.len() {
                return Err(malformed("payload", format!("the place {place} out of order")));
            }
            if !value.is_finite() {
                return Err(malformed("payload", "it has a NaN or an infinity"));
            }
            before = Some(place);
            dense[usize::from(place)] = value.to_f32();
        }
        out(dense)?;
        left -= dense.len();
    }
    Ok(())
}
