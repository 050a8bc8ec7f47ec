//! Two bytes for each number. `fp16` scales the array by a power of two such that its largest number is just below 2^15, so that
//! nothing overflows and little underflows; `bf16` needs no scale.

use ::half::{bf16, f16, slice::HalfFloatSliceExt};

use super::{PIECE, source::Source};
use crate::{Result, malformed};

/// The largest binary exponent of a scaled number.
const TOP: i32 = 15;

pub(super) fn fp16_length(elements: usize) -> u64 {
    4 + 2 * elements as u64
}

pub(super) fn bf16_length(elements: usize) -> u64 {
    2 * elements as u64
}

/// What the numbers are multiplied by after they were read: a normal power of two.
fn scale(delta: &[f32]) -> f32 {
    let most = delta.iter().fold(0f32, |most, value| most.max(value.abs()));
    if most == 0.0 {
        return 1.0;
    }
    let (_, exponent) = libm::frexpf(most);
    libm::ldexpf(1.0, (exponent - TOP).max(-126))
}

pub(super) fn write_fp16(delta: &[f32], out: &mut Vec<u8>) {
    let scale = scale(delta);
    out.extend(scale.to_le_bytes());
    let (mut scaled, mut halves) = (vec![0f32; PIECE], vec![f16::ZERO; PIECE]);
    for piece in delta.chunks(PIECE) {
        let (scaled, halves) = (&mut scaled[..piece.len()], &mut halves[..piece.len()]);
        // The scale is a power of two, so the division is exact.
        scaled.iter_mut().zip(piece).for_each(|(place, value)| *place = value / scale);
        halves.convert_from_f32_slice(scaled);
        out.extend(halves.iter().flat_map(|half| half.to_le_bytes()));
    }
}

pub(super) fn write_bf16(delta: &[f32], out: &mut Vec<u8>) -> Result<()> {
    for value in delta {
        let short = bf16::from_f32(*value);
        if !short.is_finite() {
            return Err(malformed("encoding", format!("{value} is too large for bf16")));
        }
        out.extend(short.to_le_bytes());
    }
    Ok(())
}

pub(super) fn read_fp16(
    source: &mut Source<'_>,
    elements: usize,
    out: &mut dyn FnMut(&[f32]) -> Result<()>,
) -> Result<()> {
    let scale = source.scale()?;
    let mut halves = vec![f16::ZERO; PIECE.min(elements)];
    pieces(source, elements, out, |raw, values| {
        let halves = &mut halves[..values.len()];
        for (half, raw) in halves.iter_mut().zip(raw) {
            *half = f16::from_le_bytes(*raw);
        }
        halves.convert_to_f32_slice(values);
        values.iter_mut().for_each(|value| *value *= scale);
    })
}

pub(super) fn read_bf16(
    source: &mut Source<'_>,
    elements: usize,
    out: &mut dyn FnMut(&[f32]) -> Result<()>,
) -> Result<()> {
    pieces(source, elements, out, |raw, values| {
        for (value, raw) in values.iter_mut().zip(raw) {
            *value = f32::from_bits(u32::from(u16::from_le_bytes(*raw)) << 16);
        }
    })
}

fn pieces(
    source: &mut Source<'_>,
    elements: usize,
    out: &mut dyn FnMut(&[f32]) -> Result<()>,
    mut widen: impl FnMut(&[[u8; 2]], &mut [f32]),
) -> Result<()> {
    let (mut bytes, mut values) = (Vec::new(), vec![0f32; PIECE.min(elements)]);
    let mut left = elements;
    while left > 0 {
        let values = &mut values[..left.min(PIECE)];
        widen(source.take(2 * values.len(), &mut bytes)?.as_chunks::<2>().0, values);
        if !all_finite(values) {
            return Err(malformed("payload", "it has a NaN or an infinity"));
        }
        out(values)?;
        left -= values.len();
    }
    Ok(())
}

/// Without an early exit, so that the loop vectorises.
fn all_finite(values: &[f32]) -> bool {
    const EXPONENT: u32 = 0x7F80_0000;
    values.iter().fold(true, |all, value| all & (value.to_bits() & EXPONENT != EXPONENT))
}
