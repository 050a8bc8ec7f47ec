//! The inner loops of aggregation: `acc += weight * element` in `f64` for every element type, and the way back.
//!
//! Each loop runs over `as_chunks`, whose pieces have a length that the compiler knows, so there are no bounds checks and
//! the loops vectorise on whatever the processor offers (`wide`).

pub(crate) mod wide;

use half::{
    bf16, f16,
    slice::{HalfBitsSliceExt, HalfFloatSliceExt},
};

use crate::{DType, round};

/// Halves that are widened together.
const HALVES: usize = 512;

/// `acc[i] += weight * element[i]` for the little-endian elements in `bytes`; the shorter side decides.
pub(crate) fn fold(dtype: DType, acc: &mut [f64], bytes: &[u8], weight: f64) {
    visit(dtype, acc, bytes, |sum, value| *sum += weight * value);
}

/// [`fold`] of four updates, one after the other for each element: the sums are loaded and stored once instead of four times.
pub(crate) fn fold_four(dtype: DType, acc: &mut [f64], inputs: [(&[u8], f64); 4]) {
    if dtype != DType::F32 {
        return inputs.iter().for_each(|(bytes, weight)| fold(dtype, acc, bytes, *weight));
    }
    let [a, b, c, d] = inputs.map(|(bytes, _)| bytes.as_chunks::<4>().0);
    let [wa, wb, wc, wd] = inputs.map(|(_, weight)| weight);
    wide::run(
        #[inline(always)]
        || {
            let value = |raw: &[u8; 4]| f64::from(f32::from_le_bytes(*raw));
            for ((((sum, a), b), c), d) in acc.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *sum = (((*sum + wa * value(a)) + wb * value(b)) + wc * value(c)) + wd * value(d);
            }
        },
    );
}

/// The little-endian elements in `bytes` as `f64`, in `out`, which takes their number. A negative zero becomes zero.
pub(crate) fn widen(dtype: DType, bytes: &[u8], out: &mut Vec<f64>) {
    out.resize(bytes.len() / dtype.size(), 0.0);
    visit(dtype, out, bytes, |place, value| *place = value + 0.0);
}

/// Hands each element of `bytes` to the place that it belongs to; the shorter side decides.
#[inline(always)]
fn visit(dtype: DType, acc: &mut [f64], bytes: &[u8], put: impl Fn(&mut f64, f64)) {
    wide::run(
        #[inline(always)]
        || visit_each(dtype, acc, bytes, put),
    );
}

#[inline(always)]
fn visit_each(dtype: DType, acc: &mut [f64], bytes: &[u8], put: impl Fn(&mut f64, f64)) {
    match dtype {
        DType::F16 => visit_f16(acc, bytes, put),
        DType::BF16 => each(acc, bytes, put, |raw: [u8; 2]| {
            f64::from(f32::from_bits(u32::from(u16::from_le_bytes(raw)) << 16))
        }),
        DType::F32 => each(acc, bytes, put, |raw: [u8; 4]| f64::from(f32::from_le_bytes(raw))),
        DType::F64 => each(acc, bytes, put, f64::from_le_bytes),
        DType::I8 => each(acc, bytes, put, |raw: [u8; 1]| f64::from(i8::from_le_bytes(raw))),
        DType::I16 => each(acc, bytes, put, |raw: [u8; 2]| f64::from(i16::from_le_bytes(raw))),
        DType::I32 => each(acc, bytes, put, |raw: [u8; 4]| f64::from(i32::from_le_bytes(raw))),
        DType::I64 => each(acc, bytes, put, |raw: [u8; 8]| i64::from_le_bytes(raw) as f64),
        DType::U8 => each(acc, bytes, put, |raw: [u8; 1]| f64::from(raw[0])),
        DType::U16 => each(acc, bytes, put, |raw: [u8; 2]| f64::from(u16::from_le_bytes(raw))),
        DType::U32 => each(acc, bytes, put, |raw: [u8; 4]| f64::from(u32::from_le_bytes(raw))),
        DType::U64 => each(acc, bytes, put, |raw: [u8; 8]| u64::from_le_bytes(raw) as f64),
        DType::Bool => each(acc, bytes, put, |raw: [u8; 1]| f64::from(u8::from(raw[0] != 0))),
    }
}

#[inline(always)]
fn each<const N: usize>(
    acc: &mut [f64],
    bytes: &[u8],
    put: impl Fn(&mut f64, f64),
    widen: impl Fn([u8; N]) -> f64,
) {
    let (elements, _) = bytes.as_chunks::<N>();
    for (place, &raw) in acc.iter_mut().zip(elements) {
        put(place, widen(raw));
    }
}

/// `half` widens whole slices with the processor's own instruction where there is one, single values in many steps.
fn visit_f16(acc: &mut [f64], bytes: &[u8], put: impl Fn(&mut f64, f64)) {
    let (elements, _) = bytes.as_chunks::<2>();
    let mut bits = [0u16; HALVES];
    let mut wide = [0f32; HALVES];
    for (sums, block) in acc.chunks_mut(HALVES).zip(elements.chunks(HALVES)) {
        for (bits, &raw) in bits.iter_mut().zip(block) {
            *bits = u16::from_le_bytes(raw);
        }
        let halves: &[f16] = bits.reinterpret_cast();
        halves[..block.len()].convert_to_f32_slice(&mut wide[..block.len()]);
        for (sum, &value) in sums.iter_mut().zip(&wide[..block.len()]) {
            put(sum, f64::from(value));
        }
    }
}

/// Writes `acc[i] / total`, rounded once (half to even) to the type, as little-endian bytes; the shorter side decides.
/// Integers saturate at the ends of their range.
pub(crate) fn finish(dtype: DType, acc: &[f64], total: f64, out: &mut [u8]) {
    match dtype {
        DType::F16 => put(acc, total, out, |x| round::to_f16(x).to_le_bytes()),
        DType::BF16 => put(acc, total, out, |x| -> [u8; 2] { bf16::to_le_bytes(round::to_bf16(x)) }),
        DType::F32 => put(acc, total, out, |x| (x as f32).to_le_bytes()),
        DType::F64 => put(acc, total, out, f64::to_le_bytes),
        DType::I8 => put(acc, total, out, |x| (x.round_ties_even() as i8).to_le_bytes()),
        DType::I16 => put(acc, total, out, |x| (x.round_ties_even() as i16).to_le_bytes()),
        DType::I32 => put(acc, total, out, |x| (x.round_ties_even() as i32).to_le_bytes()),
        DType::I64 => put(acc, total, out, |x| (x.round_ties_even() as i64).to_le_bytes()),
        DType::U8 => put(acc, total, out, |x| [x.round_ties_even() as u8]),
        DType::U16 => put(acc, total, out, |x| (x.round_ties_even() as u16).to_le_bytes()),
        DType::U32 => put(acc, total, out, |x| (x.round_ties_even() as u32).to_le_bytes()),
        DType::U64 => put(acc, total, out, |x| (x.round_ties_even() as u64).to_le_bytes()),
        DType::Bool => put(acc, total, out, |x| [u8::from(x.round_ties_even() != 0.0)]),
    }
}

#[inline(always)]
fn put<const N: usize>(acc: &[f64], total: f64, out: &mut [u8], narrow: impl Fn(f64) -> [u8; N]) {
    let (places, _) = out.as_chunks_mut::<N>();
    wide::run(
        #[inline(always)]
        || {
            for (place, &sum) in places.iter_mut().zip(acc) {
                *place = narrow(sum / total);
            }
        },
    );
}

/// `sum[i] += factor * (values[i] - x[i])`; the shortest decides.
pub(crate) fn add_differences(sum: &mut [f64], values: &[f64], x: &[f64], factor: f64) {
    wide::run(
        #[inline(always)]
        || {
            for ((sum, value), x) in sum.iter_mut().zip(values).zip(x) {
                *sum += factor * (value - x);
            }
        },
    );
}

/// Sums that run side by side, so that the loop vectorises.
const SUMS: usize = 8;

/// Σ (one[i] − other[i])², in an order that depends on the length alone; the shorter side decides.
pub(crate) fn squared_distance(one: &[f64], other: &[f64]) -> f64 {
    let length = one.len().min(other.len());
    let (ones, one_rest) = one[..length].as_chunks::<SUMS>();
    let (others, other_rest) = other[..length].as_chunks::<SUMS>();
    let sums = wide::run(
        #[inline(always)]
        || {
            let mut sums = [0.0; SUMS];
            for (one, other) in ones.iter().zip(others) {
                for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
                    let difference = one - other;
                    *sum += difference * difference;
                }
            }
            sums
        },
    );
    let rest: f64 = one_rest.iter().zip(other_rest).map(|(one, other)| (one - other) * (one - other)).sum();
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn four_at_once_are_the_same_as_one_after_another(
            values in proptest::collection::vec(any::<[f32; 4]>(), 0..100),
            weights: [f64; 4],
        ) {
            let inputs: [Vec<u8>; 4] = std::array::from_fn(|update| {
                values.iter().flat_map(|row| row[update].to_le_bytes()).collect()
            });
            let (mut together, mut singly) = (vec![0.5; values.len()], vec![0.5; values.len()]);
            fold_four(DType::F32, &mut together, std::array::from_fn(|it| (&inputs[it][..], weights[it])));
            for (bytes, weight) in inputs.iter().zip(weights) {
                fold(DType::F32, &mut singly, bytes, weight);
            }
            let bits = |sums: &[f64]| sums.iter().map(|sum| if sum.is_nan() { 1 } else { sum.to_bits() }).collect::<Vec<_>>();
            prop_assert_eq!(bits(&together), bits(&singly));
            let narrow: Vec<_> = values.iter().map(|row| 0.5
                + weights[0] * f64::from(row[0])
                + weights[1] * f64::from(row[1])
                + weights[2] * f64::from(row[2])
                + weights[3] * f64::from(row[3])).collect();
            prop_assert_eq!(bits(&together), bits(&narrow));
        }
    }
}
