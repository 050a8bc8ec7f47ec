//! The check that keeps infinities and NaNs out of the mean: one of them would spoil the model of everyone.

use crate::DType;

/// Elements that are tested together before anything branches.
const BLOCK: usize = 1024;

/// The index of the first element that is infinite, not a number, or of a magnitude of 2^500 and more; `None` where all are finite, and for types that
/// have no such values. `bytes` are little-endian elements; a last incomplete element is not looked at, so a caller who
/// streams must cut between elements.
#[must_use]
pub fn first_non_finite(dtype: DType, bytes: &[u8]) -> Option<usize> {
    match dtype {
        DType::F16 => scan(bytes, |raw: [u8; 2]| u16::from_le_bytes(raw) & 0x7C00 == 0x7C00),
        DType::BF16 => scan(bytes, |raw: [u8; 2]| u16::from_le_bytes(raw) & 0x7F80 == 0x7F80),
        DType::F32 => scan(bytes, |raw: [u8; 4]| u32::from_le_bytes(raw) & 0x7F80_0000 == 0x7F80_0000),
        DType::F64 => scan(bytes, |raw: [u8; 8]| (u64::from_le_bytes(raw) >> 52) & 0x7FF >= LARGEST_EXPONENT),
        _ => None,
    }
}

/// Biased, of 2^500. Sums of squares of what is smaller stay finite, so that no client can make a distance, and with it a
/// round, come to nothing. The narrower types cannot hold such numbers.
const LARGEST_EXPONENT: u64 = 1023 + 500;

/// A value is not finite exactly where all exponent bits are set, so no floating-point arithmetic is needed.
fn scan<const N: usize>(bytes: &[u8], bad: impl Fn([u8; N]) -> bool) -> Option<usize> {
    let (elements, _) = bytes.as_chunks::<N>();
    for (block, values) in elements.chunks(BLOCK).enumerate() {
        // Without an early exit the loop is one that vectorises.
        if values.iter().fold(false, |seen, &raw| seen | bad(raw)) {
            let within = values.iter().position(|&raw| bad(raw))?;
            return Some(block * BLOCK + within);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_offender_is_named() {
        let mut values = vec![1.5f32; 5000];
        values[4097] = f32::NAN;
        values[4999] = f32::INFINITY;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(first_non_finite(DType::F32, &bytes), Some(4097));
        assert_eq!(first_non_finite(DType::F32, &bytes[..4097 * 4]), None);
        assert_eq!(first_non_finite(DType::I32, &bytes), None);
    }

    #[test]
    fn every_float_type_knows_its_infinities_and_its_largest_number() {
        let half = |value: f32| half::f16::from_f32(value).to_le_bytes().to_vec();
        let brain = |value: f32| half::bf16::from_f32(value).to_le_bytes().to_vec();
        let cases = [
            (DType::F16, half(65504.0), half(f32::NEG_INFINITY), half(f32::NAN)),
            (DType::BF16, brain(1e38), brain(f32::NEG_INFINITY), brain(f32::NAN)),
            (
                DType::F64,
                2f64.powi(500).next_down().to_le_bytes().to_vec(),
                f64::NEG_INFINITY.to_le_bytes().to_vec(),
                f64::NAN.to_le_bytes().to_vec(),
            ),
        ];
        for (dtype, good, infinite, nan) in cases {
            assert_eq!(first_non_finite(dtype, &good), None, "{dtype}");
            assert_eq!(first_non_finite(dtype, &infinite), Some(0), "{dtype}");
            assert_eq!(first_non_finite(dtype, &nan), Some(0), "{dtype}");
        }
        assert_eq!(first_non_finite(DType::F64, &(-2f64.powi(500)).to_le_bytes()), Some(0));
    }
}
