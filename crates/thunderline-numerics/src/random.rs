//! Repeatable randomness: ChaCha12 keyed by a hash of (seed, labels), and the distributions that training needs.
//!
//! The same seed and labels give the same values on every platform: integers only, or floating-point functions from
//! `libm` (one software implementation everywhere), never the system's mathematics library. Labels keep streams apart:
//! the shuffle of round 3 does not change because round 2 drew one number more. Not for keys or nonces.

use rand_chacha::{
    ChaCha12Rng,
    rand_core::{Rng as _, SeedableRng},
};
use ring::digest;

/// A generator that is fixed by its seed and labels.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha12Rng);

impl Rng {
    /// The generator of this seed for the purpose that the labels name, for example `["shuffle", "round", "3"]`.
    #[must_use]
    pub fn derive(seed: u64, labels: &[&str]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"thunderline random 1");
        hash.update(&seed.to_le_bytes());
        for label in labels {
            // The length in front keeps ["ab", "c"] and ["a", "bc"] apart.
            hash.update(&(label.len() as u64).to_le_bytes());
            hash.update(label.as_bytes());
        }
        let key = hash.finish();
        Self(ChaCha12Rng::from_seed(key.as_ref().try_into().expect("SHA-256 gives 32 bytes")))
    }

    /// The generator of this key: as secret as the key is.
    #[must_use]
    pub fn keyed(key: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(key))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A whole number below `end`, each equally likely (Lemire 2019, arXiv 1805.10941). `end` must not be 0.
    pub fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "there is no number below 0");
        let threshold = end.wrapping_neg() % end;
        loop {
            let product = u128::from(self.bits()) * u128::from(end);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// A place in a list of this length, which must not be empty.
    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("less than a usize")
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in (0, 1): safe to take the logarithm of.
    fn open_uniform(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
    }

    /// Normal with mean 0 and variance 1 (Marsaglia's polar method; the second value of the pair is not kept, so that
    /// what comes next does not depend on how many were drawn before).
    pub fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let s = x * x + y * y;
            if s > 0.0 && s < 1.0 {
                return x * libm::sqrt(-2.0 * libm::log(s) / s);
            }
        }
    }

    /// Gamma with this shape (above 0) and scale 1 (Marsaglia and Tsang 2000). Very small shapes can underflow to 0.
    pub fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = libm::exp(libm::log(self.open_uniform()) / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            if libm::log(self.open_uniform()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                return d * v;
            }
        }
    }

    /// Probabilities from the symmetric Dirichlet distribution of this concentration (above 0) over `parts` parts (at
    /// least 1). They add up to 1 within rounding.
    pub fn dirichlet(&mut self, concentration: f64, parts: usize) -> Vec<f64> {
        let mut shares: Vec<f64> = (0..parts).map(|_| self.gamma(concentration)).collect();
        let total: f64 = shares.iter().sum();
        if total > 0.0 {
            shares.iter_mut().for_each(|share| *share /= total);
        } else {
            // The limit of a vanishing concentration: everything in one place.
            shares.fill(0.0);
            let place = self.place(parts);
            shares[place] = 1.0;
        }
        shares
    }

    /// Brings the items into a random order (Fisher and Yates), each order equally likely.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.place(last + 1));
        }
    }

    /// `count` different places of a list of `length`, in random order; all of them where `count` is larger.
    pub fn sample(&mut self, length: usize, count: usize) -> Vec<usize> {
        let count = count.min(length);
        let mut places: Vec<usize> = (0..length).collect();
        for front in 0..count {
            let other = front + self.place(length - front);
            places.swap(front, other);
        }
        places.truncate(count);
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_and_variance(draws: usize, mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let values: Vec<f64> = (0..draws).map(|_| draw()).collect();
        let mean = values.iter().sum::<f64>() / draws as f64;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / draws as f64)
    }

    fn near(got: (f64, f64), wanted: (f64, f64), tolerance: f64) {
        assert!(
            (got.0 - wanted.0).abs() < tolerance && (got.1 - wanted.1).abs() < tolerance,
            "{got:?} {wanted:?}"
        );
    }

    #[test]
    fn the_stream_is_fixed_for_ever() {
        let mut rng = Rng::derive(7, &["golden"]);
        assert_eq!([rng.bits(), rng.bits()], [GOLDEN_BITS[0], GOLDEN_BITS[1]]);
        let mut rng = Rng::derive(7, &["golden", "floats"]);
        let floats = [rng.uniform(), rng.normal(), rng.gamma(0.3), rng.gamma(4.5)];
        assert_eq!(floats.map(f64::to_bits), GOLDEN_FLOATS);
    }

    const GOLDEN_BITS: [u64; 2] = [12_249_239_393_279_561_031, 7_746_915_877_837_995_682];
    const GOLDEN_FLOATS: [u64; 4] = [
        4_603_928_717_939_860_608,
        4_588_795_976_966_469_464,
        4_589_771_624_635_501_873,
        4_616_469_963_702_894_587,
    ];

    #[test]
    fn labels_keep_streams_apart() {
        let first = |labels: &[&str]| Rng::derive(1, labels).bits();
        assert_ne!(first(&["ab", "c"]), first(&["a", "bc"]));
        assert_ne!(first(&[]), first(&[""]));
        assert_ne!(Rng::derive(1, &[]).bits(), Rng::derive(2, &[]).bits());
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut rng = Rng::derive(1, &["moments"]);
        near(mean_and_variance(40_000, || rng.uniform()), (0.5, 1.0 / 12.0), 0.01);
        near(mean_and_variance(40_000, || rng.normal()), (0.0, 1.0), 0.03);
        near(mean_and_variance(40_000, || rng.gamma(0.4)), (0.4, 0.4), 0.03);
        near(mean_and_variance(40_000, || rng.gamma(3.0)), (3.0, 3.0), 0.15);
        let third = |rng: &mut Rng| rng.dirichlet(0.5, 4)[2];
        near(mean_and_variance(40_000, || third(&mut rng)), (0.25, 0.25 * 0.75 / 3.0), 0.01);
    }

    #[test]
    fn numbers_below_a_limit_are_equally_likely() {
        let mut rng = Rng::derive(1, &["below"]);
        let mut counts = [0u32; 6];
        (0..60_000).for_each(|_| counts[rng.place(6)] += 1);
        assert!(counts.iter().all(|&count| count.abs_diff(10_000) < 400), "{counts:?}");
        assert_eq!(rng.below(1), 0);
    }

    #[test]
    fn a_sample_has_no_repeats_and_a_shuffle_loses_nothing() {
        let mut rng = Rng::derive(1, &["sample"]);
        let mut sample = rng.sample(100, 30);
        assert_eq!(sample.len(), 30);
        sample.sort_unstable();
        sample.dedup();
        assert!(sample.len() == 30 && sample[29] < 100);
        assert_eq!(rng.sample(3, 10).len(), 3);
        let mut items: Vec<u32> = (0..50).collect();
        rng.shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn a_vanishing_concentration_gives_everything_to_one() {
        let shares = Rng::derive(1, &["tiny"]).dirichlet(1e-300, 5);
        assert_eq!(shares.iter().filter(|&&share| share == 1.0).count(), 1);
    }
}
