//! One rounding from the accumulator to the array's own type.
//!
//! The narrow floats go through `f32` rounded *to odd* (Boldo and Melquiond 2008): the sticky last bit makes the second
//! rounding give exactly what a direct one would. Converting by way of an ordinarily rounded `f32` would not.

use half::{bf16, f16};

/// `x` as `f32`, rounded to odd: exact where possible, else the neighbour whose last bit is set.
fn to_odd(x: f64) -> f32 {
    let nearest = x as f32;
    let back = f64::from(nearest);
    let away = u32::from(back.abs() > x.abs());
    // `!=` also holds for NaN, whose payload may gain a bit: it stays NaN.
    let inexact = u32::from(back != x);
    f32::from_bits((nearest.to_bits() - away) | inexact)
}

/// Rounds half to even.
pub(crate) fn to_f16(x: f64) -> f16 {
    f16::from_f32(to_odd(x))
}

/// Rounds half to even.
pub(crate) fn to_bf16(x: f64) -> bf16 {
    bf16::from_f32(to_odd(x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_just_above_the_middle_rounds_up_and_not_to_even() {
        // Just above half way between 1 and its successor; rounding to f32 first would land on the middle, then on 1.
        let tiny = 2f64.powi(-40);
        assert_eq!(to_f16(1.0 + 2f64.powi(-11) + tiny).to_f64(), 1.0 + 2f64.powi(-10));
        assert_eq!(to_f16(1.0 + 2f64.powi(-11)).to_f64(), 1.0);
        assert_eq!(to_bf16(1.0 + 2f64.powi(-8) + tiny).to_f64(), 1.0 + 2f64.powi(-7));
        assert_eq!(to_bf16(1.0 + 2f64.powi(-8)).to_f64(), 1.0);
    }

    #[test]
    fn the_ends_of_the_range_stay_where_they_are() {
        for sign in [1.0, -1.0] {
            assert_eq!(to_f16(sign * 65504.0).to_f64(), sign * 65504.0);
            assert_eq!(to_f16(sign * 65519.999).to_f64(), sign * 65504.0);
            assert_eq!(to_f16(sign * 65520.0).to_f64(), sign * f64::INFINITY);
            assert_eq!(to_f16(sign * 1e300).to_f64(), sign * f64::INFINITY);
            assert_eq!(to_bf16(sign * 1e300).to_f64(), sign * f64::INFINITY);
            assert_eq!(to_f16(sign * 0.0).to_bits(), f16::from_f64(sign * 0.0).to_bits());
            assert_eq!(to_f16(sign * f64::INFINITY).to_f64(), sign * f64::INFINITY);
            assert_eq!(to_f16(sign * 1e-300).to_f64(), 0.0);
        }
        assert!(to_f16(f64::NAN).is_nan() && to_bf16(f64::NAN).is_nan());
    }

    #[test]
    fn every_half_survives_the_way_up_and_down() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            if !half.is_nan() {
                assert_eq!(to_f16(half.to_f64()).to_bits(), bits);
            }
            let brain = bf16::from_bits(bits);
            if !brain.is_nan() {
                assert_eq!(to_bf16(brain.to_f64()).to_bits(), bits);
            }
        }
    }
}
