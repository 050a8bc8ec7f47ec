//! Gaussian noise that is exact: no floating point decides anything.
//!
//! A sampler that works in floating point gives away the secret through the values that it cannot produce (Mironov 2012, 'On
//! significance of the least significant bits'). Here the standard normal is drawn digit by digit (Karney 2016, arXiv
//! 1303.6257, algorithm N) and cut to a lattice of 2^-32 standard deviations; values are put on the same lattice, and sums are
//! whole numbers. So what is released is the ideal Gaussian mechanism, rounded afterwards, and the accountants' proofs hold as
//! they stand. Uniform numbers have 128 bits: two that should differ are equal with probability 2^-128.
//!
//! Several normals with weights are added up with all their digits and cut once ([`blend`]). Cut one by one and then weighted,
//! they would be other numbers than those of the ideal mechanism, and their lowest bits would tell of the sum that they hide.
//!
//! The generator is ChaCha20. Its key comes from the operating system and must never be used for two different sums.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng},
};
use ring::hmac;

/// A standard deviation is 2 to this many steps of the lattice.
pub const LATTICE_BITS: u32 = 32;

/// One is 2 to this many steps of a weight.
pub const WEIGHT_BITS: u32 = 24;

/// Binary places with which normals are added up.
const PLACES: u32 = 120;

/// 32 secret bytes.
pub type Key = [u8; 32];

/// The key for the use that the labels name; different labels give unrelated keys.
#[must_use]
pub fn derive(key: &Key, labels: &[&str]) -> Key {
    let mut tag = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for label in labels {
        // The length in front keeps ["ab", "c"] and ["a", "bc"] apart.
        tag.update(&(label.len() as u64).to_le_bytes());
        tag.update(label.as_bytes());
    }
    tag.sign().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// A stream of noise.
pub struct Noise(ChaCha20Rng);

impl Noise {
    /// The stream of this number under the key: the same again whenever it is asked for.
    #[must_use]
    pub fn new(key: &Key, stream: u64) -> Self {
        let mut rng = ChaCha20Rng::from_seed(*key);
        rng.set_stream(stream);
        Self(rng)
    }

    /// ⌊2^[`LATTICE_BITS`] · N(0, 1)⌋.
    pub fn draw(&mut self) -> i64 {
        let (whole, fraction, positive) = self.normal();
        let size = (i64::from(whole) << LATTICE_BITS) + (fraction >> (128 - LATTICE_BITS)) as i64;
        if positive { size } else { -size - 1 }
    }

    /// ⌊2^[`PLACES`] · N(0, 1)⌋: the number of which [`draw`](Self::draw) has the first digits.
    fn digits(&mut self) -> i128 {
        let (whole, fraction, positive) = self.normal();
        let size = (i128::from(whole) << PLACES) + (fraction >> (128 - PLACES)) as i128;
        if positive { size } else { -size - 1 }
    }

    /// A number's size, as whole part and fraction, and whether it is positive.
    fn normal(&mut self) -> (u32, u128, bool) {
        loop {
            let mut whole = 0u32;
            while self.root_of_e() {
                whole += 1;
            }
            if !(0..whole * whole.saturating_sub(1)).all(|_| self.root_of_e()) {
                continue;
            }
            let fraction = self.uniform();
            if !(0..=whole).all(|_| self.accepts(whole, fraction)) {
                continue;
            }
            return (whole, fraction, self.0.next_u32() & 1 == 0);
        }
    }

    /// Uniform in [0, 1), as a multiple of 2^-128.
    fn uniform(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }

    /// True with probability 1/√e: the parity of the length of a falling run of uniform numbers below ½ (von Neumann).
    fn root_of_e(&mut self) -> bool {
        let mut even = self.uniform();
        if even >= 1 << 127 {
            return true;
        }
        loop {
            let odd = self.uniform();
            if odd >= even {
                return false;
            }
            even = self.uniform();
            if even >= odd {
                return true;
            }
        }
    }

    /// True with probability exp(−x·(2k + x)/(2k + 2)): the same, where each number also has to pass with (2k + x)/(2k + 2).
    fn accepts(&mut self, k: u32, x: u128) -> bool {
        let (mut last, mut even) = (x, true);
        loop {
            let next = self.uniform();
            if next >= last || !self.passes(k, x) {
                return even;
            }
            (last, even) = (next, !even);
        }
    }

    fn passes(&mut self, k: u32, x: u128) -> bool {
        let parts = u64::from(2 * k + 2);
        // The chance that 64 bits are not divided evenly is 2^-60 for the k that occur; those are thrown away.
        let end = u64::MAX - u64::MAX % parts;
        let part = loop {
            let bits = self.0.next_u64();
            if bits < end {
                break bits % parts;
            }
        };
        match part.cmp(&u64::from(2 * k)) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => self.uniform() < x,
            std::cmp::Ordering::Greater => false,
        }
    }
}

/// ⌊2^[`LATTICE_BITS`] · Σ wᵢ·Nᵢ(0, 1)⌋, one number of each stream, for weights in steps of 2^-[`WEIGHT_BITS`] that are at most 1
/// and together at most 2.
///
/// Digits beyond the 120th are left out of the sum. With probability below 2^-86 one of them would have decided.
pub fn blend(streams: &mut [(Noise, i64)]) -> i64 {
    // A weight times all digits would not fit: both halves by themselves.
    let (mut high, mut low) = (0i128, 0i128);
    for (noise, weight) in streams {
        let digits = noise.digits();
        high += i128::from(*weight) * (digits >> 64);
        low += i128::from(*weight) * i128::from(digits as u64);
    }
    ((high + (low >> 64)) >> (PLACES - 64 - LATTICE_BITS + WEIGHT_BITS)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i64 = 1 << WEIGHT_BITS;

    #[test]
    fn a_blend_of_one_stream_is_that_stream() {
        let (mut alone, mut blended) = (Noise::new(&[4; 32], 1), [(Noise::new(&[4; 32], 1), ONE)]);
        assert!((0..1000).all(|_| blend(&mut blended) == alone.draw()));
        let mut gone = [(Noise::new(&[4; 32], 1), ONE), (Noise::new(&[4; 32], 1), -ONE)];
        assert!((0..1000).all(|_| blend(&mut gone) == 0));
    }

    #[test]
    fn a_blend_is_cut_once_and_not_stream_by_stream() {
        let weights = [ONE, -5_592_405, -1_234_567, -1];
        let noise = |at: usize| Noise::new(&[6; 32], at as u64);
        let mut streams: Vec<_> = (0..4).map(|at| (noise(at), weights[at])).collect();
        let (mut same, mut cut) =
            ((0..4).map(noise).collect::<Vec<_>>(), (0..4).map(noise).collect::<Vec<_>>());
        let mut differ = 0;
        for _ in 0..2000 {
            let got = blend(&mut streams);
            // With 24 digits less a weight fits beside them, and what is left out decides once in 2^60 times.
            let sum =
                |at: usize, noise: &mut Noise| i128::from(weights[at]) * (noise.digits() >> WEIGHT_BITS);
            let exact: i128 = same.iter_mut().enumerate().map(|(at, noise)| sum(at, noise)).sum();
            assert_eq!(i128::from(got), exact >> (PLACES - LATTICE_BITS));
            let each: i128 = cut
                .iter_mut()
                .zip(weights)
                .map(|(noise, weight)| i128::from(noise.draw()) * i128::from(weight))
                .sum();
            differ += u32::from(each >> WEIGHT_BITS != i128::from(got));
        }
        assert!(differ > 500, "{differ}");
    }

    #[test]
    fn the_noise_has_the_normal_distributions_shape() {
        const DRAWS: usize = 200_000;
        let mut noise = Noise::new(&[7; 32], 3);
        let mut values: Vec<f64> =
            (0..DRAWS).map(|_| noise.draw() as f64 / (1u64 << LATTICE_BITS) as f64).collect();
        let moment = |power: i32| values.iter().map(|x| x.powi(power)).sum::<f64>() / DRAWS as f64;
        let moments = [moment(1), moment(2) - 1.0, moment(3), moment(4) - 3.0, moment(6) - 15.0];
        for (got, tolerance) in moments.iter().zip([0.012, 0.016, 0.045, 0.12, 1.2]) {
            assert!(got.abs() < tolerance, "{moments:?}");
        }
        // Kolmogorov and Smirnov: 1.95/√n is exceeded once in a thousand tries, and the key is fixed.
        values.sort_by(f64::total_cmp);
        let furthest = values
            .iter()
            .enumerate()
            .map(|(place, x)| {
                let expected = 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
                (expected - place as f64 / DRAWS as f64).abs()
            })
            .fold(0.0, f64::max);
        assert!(furthest < 1.95 / (DRAWS as f64).sqrt(), "{furthest}");
    }

    #[test]
    fn streams_and_keys_are_unrelated_and_repeatable() {
        let first = |key: &Key, stream| Noise::new(key, stream).draw();
        assert_eq!(first(&[1; 32], 1), first(&[1; 32], 1));
        assert_ne!(first(&[1; 32], 1), first(&[1; 32], 2));
        assert_ne!(first(&[1; 32], 1), first(&[2; 32], 1));
        assert_ne!(derive(&[1; 32], &["ab", "c"]), derive(&[1; 32], &["a", "bc"]));
        assert_ne!(derive(&[1; 32], &["a"]), derive(&[2; 32], &["a"]));
    }

    #[test]
    fn the_lowest_bits_are_as_random_as_the_others() {
        let mut noise = Noise::new(&[9; 32], 0);
        let mut ones = [0u32; 16];
        for _ in 0..20_000 {
            let value = noise.draw();
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += (value >> bit & 1) as u32;
            }
        }
        assert!(ones.iter().all(|count| count.abs_diff(10_000) < 350), "{ones:?}");
    }
}
