//! Eight bits for each number: whole multiples, from −127 to 127, of a scale that is the largest number of its row over 127.
//! A row is one index of the first axis; short rows would cost more in scales than they save, so such arrays are one row.
//!
//! For each row: its scale (`float32`), then its numbers.

use super::{PIECE, source::Source};
use crate::{Result, malformed};

/// Rows that are shorter do not have scales of their own.
const SHORTEST_ROW: usize = 16;
const MOST: f32 = 127.0;
/// 1.5 · 2^23: added to a small number, it leaves the nearest whole number (half to even) in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// How many rows, and how long each.
fn rows(shape: &[usize], elements: usize) -> (usize, usize) {
    match shape {
        [first, _, ..] if *first > 0 && elements / first >= SHORTEST_ROW => (*first, elements / first),
        _ => (1, elements),
    }
}

pub(super) fn length(shape: &[usize], elements: usize) -> u64 {
    4 * rows(shape, elements).0 as u64 + elements as u64
}

pub(super) fn write(shape: &[usize], delta: &[f32], out: &mut Vec<u8>) {
    for row in delta.chunks(rows(shape, delta.len()).1.max(1)) {
        let most = row.iter().fold(0f32, |most, value| most.max(value.abs()));
        let scale = most / MOST;
        out.extend(scale.to_le_bytes());
        if scale == 0.0 {
            out.resize(out.len() + row.len(), 0);
        } else {
            let short = |value: &f32| ((value / scale).clamp(-MOST, MOST) + ROUND).to_bits() as u8;
            out.extend(row.iter().map(short));
        }
    }
}

pub(super) fn read(
    source: &mut Source<'_>,
    shape: &[usize],
    elements: usize,
    out: &mut dyn FnMut(&[f32]) -> Result<()>,
) -> Result<()> {
    let (count, length) = rows(shape, elements);
    let (mut bytes, mut values) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let scale = source.scale()?;
        let mut left = length;
        while left > 0 {
            let shorts = source.take(left.min(PIECE), &mut bytes)?;
            if shorts.iter().fold(false, |seen, short| seen | (*short == 0x80)) {
                return Err(malformed("payload", "−128 is no number of it"));
            }
            if !(scale * MOST).is_finite() {
                return Err(malformed("payload", format!("the scale {scale}")));
            }
            values.clear();
            values.extend(shorts.iter().map(|short| f32::from(short.cast_signed()) * scale));
            out(&values)?;
            left -= values.len();
        }
    }
    Ok(())
}
