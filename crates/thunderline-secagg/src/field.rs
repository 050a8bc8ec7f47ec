//! The field of 2^16 elements, polynomials over two elements modulo x^16 + x^12 + x^3 + x + 1.
//!
//! A secret of 32 bytes is sixteen elements. A multiplier is always public (a place in the roster, or what follows from
//! places), so the branches below depend on public values only; what is multiplied may be secret and is met by shifts
//! and exclusive ors alone.

/// What x^16 is, less the x^16.
const REDUCTION: u16 = 0x100B;

/// A secret, or a share of one, as elements.
pub(crate) type Limbs = [u16; 16];

/// Times x, without a branch on the element.
#[inline]
const fn doubled(value: u16) -> u16 {
    (value << 1) ^ (REDUCTION & (value >> 15).wrapping_neg())
}

/// The product of two public elements.
pub(crate) fn product(mut left: u16, mut right: u16) -> u16 {
    let mut sum = 0;
    while right != 0 {
        sum ^= left & (right & 1).wrapping_neg();
        left = doubled(left);
        right >>= 1;
    }
    sum
}

/// The inverse of a public element that is not zero: its 2^16 − 2nd power.
pub(crate) fn inverse(value: u16) -> u16 {
    let mut power = value;
    let mut result = 1;
    for _ in 1..16 {
        power = product(power, power);
        result = product(result, power);
    }
    result
}

/// `limbs` times a public element.
pub(crate) fn scaled(limbs: &Limbs, by: u16) -> Limbs {
    let mut power = *limbs;
    let mut sum = [0; 16];
    let mut bits = by;
    while bits != 0 {
        let wanted = (bits & 1).wrapping_neg();
        for (sum, power) in sum.iter_mut().zip(&mut power) {
            *sum ^= *power & wanted;
            *power = doubled(*power);
        }
        bits >>= 1;
    }
    sum
}

/// Adds `other` to `limbs`.
pub(crate) fn add(limbs: &mut Limbs, other: &Limbs) {
    for (limb, other) in limbs.iter_mut().zip(other) {
        *limb ^= other;
    }
}

/// 32 bytes as sixteen elements.
pub(crate) fn limbs(bytes: &[u8; 32]) -> Limbs {
    let mut limbs = [0; 16];
    for (limb, pair) in limbs.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *limb = u16::from_le_bytes(*pair);
    }
    limbs
}

/// Sixteen elements as 32 bytes.
pub(crate) fn bytes(limbs: &Limbs) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (pair, limb) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(limbs) {
        *pair = limb.to_le_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The product by long multiplication in 32 bits and long division, bit by bit.
    fn schoolbook(left: u16, right: u16) -> u16 {
        let mut wide =
            (0..16).filter(|bit| right >> bit & 1 == 1).fold(0u32, |sum, bit| sum ^ u32::from(left) << bit);
        for bit in (16..32).rev() {
            if wide >> bit & 1 == 1 {
                wide ^= 0x1_100B << (bit - 16);
            }
        }
        wide as u16
    }

    #[test]
    fn the_polynomial_is_primitive_so_that_x_goes_through_every_element() {
        let mut value = 1;
        let mut order = 0u32;
        loop {
            value = doubled(value);
            order += 1;
            if value == 1 {
                break;
            }
        }
        assert_eq!(order, 65_535);
    }

    #[test]
    fn every_element_but_zero_has_an_inverse() {
        assert!((1..=u16::MAX).all(|value| product(value, inverse(value)) == 1));
    }

    proptest! {
        #[test]
        fn products_are_those_of_long_multiplication_and_division(left: u16, right: u16) {
            prop_assert_eq!(product(left, right), schoolbook(left, right));
            prop_assert_eq!(scaled(&[left; 16], right), [schoolbook(left, right); 16]);
        }
    }
}
