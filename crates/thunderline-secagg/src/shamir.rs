//! Shamir's secret sharing (1979) over the field of 2^16 elements, each of a secret's sixteen elements by itself.
//!
//! A member's share lies at its place in the roster plus one, so a share needs no number of its own.

use zeroize::{Zeroize, Zeroizing};

use crate::field::{self, Limbs};
use crate::prg::Stream;

/// Splits a secret such that any `threshold` shares give it and fewer say nothing about it. The coefficients are drawn
/// from `randomness`; the shares are in the order of `places`.
pub(crate) fn split(
    secret: &[u8; 32],
    threshold: usize,
    places: &[u16],
    randomness: &mut Stream,
) -> Vec<Zeroizing<[u8; 32]>> {
    let mut polynomial = vec![field::limbs(secret)];
    for _ in 1..threshold {
        let mut drawn = Zeroizing::new([0; 32]);
        randomness.fill(drawn.as_mut_slice());
        polynomial.push(field::limbs(&drawn));
    }
    let shares = places
        .iter()
        .map(|&place| {
            let mut value: Limbs = [0; 16];
            for coefficient in polynomial.iter().rev() {
                value = field::scaled(&value, abscissa(place));
                field::add(&mut value, coefficient);
            }
            Zeroizing::new(field::bytes(&value))
        })
        .collect();
    polynomial.iter_mut().for_each(Zeroize::zeroize);
    shares
}

/// The secret that these shares determine. They are of different places, and as many as the threshold; with others the
/// result is another value, which whoever asks must be able to tell.
pub(crate) fn join(shares: &[(u16, [u8; 32])]) -> Zeroizing<[u8; 32]> {
    let mut secret: Limbs = [0; 16];
    let all = shares.iter().fold(1, |sum, &(place, _)| field::product(sum, abscissa(place)));
    for &(place, share) in shares {
        let here = abscissa(place);
        let below = shares
            .iter()
            .filter(|&&(other, _)| other != place)
            .fold(here, |sum, &(other, _)| field::product(sum, abscissa(other) ^ here));
        let weight = field::product(all, field::inverse(below));
        field::add(&mut secret, &field::scaled(&field::limbs(&share), weight));
    }
    let joined = Zeroizing::new(field::bytes(&secret));
    secret.zeroize();
    joined
}

/// Where a member's share lies: never zero, where the secret is.
const fn abscissa(place: u16) -> u16 {
    place + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shares(secret: [u8; 32], threshold: usize, places: &[u16]) -> Vec<(u16, [u8; 32])> {
        let split = split(&secret, threshold, places, &mut Stream::new(&[7; 32]));
        places.iter().copied().zip(split.iter().map(|share| **share)).collect()
    }

    #[test]
    fn a_share_of_a_known_line_is_the_line_at_its_place() {
        // With threshold 2 and a slope s, the share at x is secret + s·x.
        let slope = {
            let mut drawn = [0; 32];
            Stream::new(&[7; 32]).fill(&mut drawn);
            field::limbs(&drawn)
        };
        let line = shares([9; 32], 2, &[4]);
        let mut expected = field::scaled(&slope, 5);
        field::add(&mut expected, &field::limbs(&[9; 32]));
        assert_eq!(line, [(4, field::bytes(&expected))]);
    }

    #[test]
    fn one_share_too_few_fits_every_secret() {
        // Given threshold − 1 shares of one secret, some last share makes any other secret of them.
        let known = shares([1; 32], 3, &[0, 1, 2]);
        let target = field::limbs(&[0xA5; 32]);
        let with_zero = field::limbs(&join(&[known[0], known[1], (2, [0; 32])]));
        let unit = field::limbs(&join(&[(0, [0; 32]), (1, [0; 32]), (2, field::bytes(&[1; 16]))]));
        let mut missing = target;
        field::add(&mut missing, &with_zero);
        let last = field::scaled(&missing, field::inverse(unit[0]));
        assert_eq!(*join(&[known[0], known[1], (2, field::bytes(&last))]), [0xA5; 32]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_threshold_of_shares_gives_the_secret_and_a_changed_one_does_not(
            secret: [u8; 32],
            places in proptest::collection::btree_set(0u16..65_534, 2..40),
            (start, which) in (0usize..40, 0usize..40),
            threshold in 1usize..40,
        ) {
            let places: Vec<_> = places.into_iter().collect();
            let threshold = threshold.min(places.len());
            let mut all = shares(secret, threshold, &places);
            all.rotate_left(start % places.len());
            prop_assert_eq!(*join(&all[..threshold]), secret);
            all[which % threshold].1[3] ^= 1;
            prop_assert_ne!(*join(&all[..threshold]), secret);
        }
    }
}
