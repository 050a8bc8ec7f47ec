//! A clipping norm that follows a quantile of the updates' norms (Andrew et al. 2021, arXiv 1905.03871).
//!
//! C ← C · exp(−η·(b̃ − γ)), where b̃ is the noisy share of clients whose update was *within* C. Where fewer than γ are, C grows.
//! (Flower 1.42 counts those that were clipped, with the opposite effect: its C runs away.)

use thunderline_core::{Error, Result};

use super::noise::{Key, LATTICE_BITS, Noise};

/// How a clipping norm moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adaptive {
    /// γ: the share of clients that shall be within the norm, in [0, 1].
    pub quantile: f64,
    /// η, above 0.
    pub learning_rate: f64,
    /// σ_b: the standard deviation of the noise that is added to the number of clients within, for neighbours that differ by
    /// one client's absence.
    pub count_noise: f64,
}

impl Adaptive {
    /// The noise multiplier for the updates, such that updates and count together cost as much as one release with
    /// `noise_multiplier`: (z⁻² − (2σ_b)⁻²)^(−1/2).
    ///
    /// # Errors
    /// `invalid` where the count has so little noise that it alone costs more: σ_b must be above z/2.
    pub fn noise_for_updates(&self, noise_multiplier: f64) -> Result<f64> {
        let left = noise_multiplier.powi(-2) - (2.0 * self.count_noise).powi(-2);
        if left > 0.0 {
            return Ok(left.sqrt().recip());
        }
        let reason =
            format!("{} is too little beside a noise multiplier of {noise_multiplier}", self.count_noise);
        Err(Error::invalid_value("count_noise", reason, format!("above {}", noise_multiplier / 2.0)))
    }

    /// The next clipping norm. Of `total` updates, `within` had at most the norm; `expected` is the fixed number that sums
    /// are divided by; `movement` is 2 where neighbours have a client replaced and 1 otherwise. `key` is for this count
    /// alone.
    #[must_use]
    pub fn next(
        &self,
        clip: f64,
        (within, total): (u64, u64),
        expected: f64,
        movement: f64,
        key: &Key,
    ) -> f64 {
        // ±½ for each client: a client's absence moves the sum by ½ only. On the noise's lattice, as the updates.
        let step = movement * self.count_noise / (1u64 << LATTICE_BITS) as f64;
        let half = (0.5 / step) as i64;
        let balance = within as i64 - (total - within) as i64;
        let noisy = balance * half + Noise::new(key, 0).draw();
        let share = 0.5 + noisy as f64 * step / expected;
        clip * libm::exp(-self.learning_rate * (share - self.quantile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    fn adaptive(count_noise: f64) -> Adaptive {
        Adaptive { quantile: 0.5, learning_rate: 0.2, count_noise }
    }

    /// Norms between 0.5 and 1.45, the case in which Flower's clip runs away in either direction.
    fn norms() -> Vec<f64> {
        (0..20).map(|place| 0.5 + 0.05 * f64::from(place)).collect()
    }

    fn follow(start: f64, rule: Adaptive, rounds: u8) -> f64 {
        (0..rounds).fold(start, |clip, round| {
            let within = norms().iter().filter(|norm| **norm <= clip).count() as u64;
            rule.next(clip, (within, 20), 20.0, 1.0, &[round; 32])
        })
    }

    #[test]
    fn the_norm_finds_the_quantile_from_below_and_from_above() {
        for start in [0.1, 10.0] {
            let clip = follow(start, adaptive(1e-6), 120);
            assert!((0.85..1.1).contains(&clip), "{start}: {clip}");
            let noisy = follow(start, adaptive(1.0), 120);
            assert!((0.7..1.3).contains(&noisy), "{start}: {noisy}");
        }
    }

    #[test]
    fn a_norm_that_clips_everybody_grows_and_one_that_clips_nobody_shrinks() {
        let rule = adaptive(1e-6);
        assert!(rule.next(1.0, (0, 10), 10.0, 1.0, &[0; 32]) > 1.09);
        assert!(rule.next(1.0, (10, 10), 10.0, 1.0, &[0; 32]) < 0.91);
    }

    #[test]
    fn the_count_has_the_noise_that_it_is_said_to_have() {
        let rule = adaptive(3.0);
        let shares: Vec<f64> = (0..4000u32)
            .map(|place| {
                let key = crate::privacy::noise::derive(&[5; 32], &[&place.to_string()]);
                let next = rule.next(1.0, (5, 10), 10.0, 2.0, &key);
                0.5 - next.ln() / 0.2
            })
            .collect();
        let mean = shares.iter().sum::<f64>() / 4000.0;
        let deviation = (shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / 4000.0).sqrt();
        assert!((mean - 0.5).abs() < 0.04 && (deviation - 0.6).abs() < 0.03, "{mean} {deviation}");
    }

    #[test]
    fn both_releases_together_cost_one() {
        let z = adaptive(2.0).noise_for_updates(1.1).unwrap();
        assert!((z.powi(-2) + 4f64.powi(-2) - 1.1f64.powi(-2)).abs() < 1e-12);
        assert_eq!(adaptive(0.5).noise_for_updates(1.1).unwrap_err().code(), "invalid");
        let mut rng = Rng::derive(1, &["clip"]);
        for _ in 0..100 {
            let z = 0.1 + 5.0 * rng.uniform();
            assert!(adaptive(z).noise_for_updates(z).unwrap() > z);
        }
    }
}
