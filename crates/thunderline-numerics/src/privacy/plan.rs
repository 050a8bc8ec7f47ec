//! What is released, how often, and what that costs.

use super::{
    Participation,
    banded::Band,
    pld::{Losses, SMALLEST_DELTA, STEP},
    rdp, tree,
};

/// Which clients take part in a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sampling {
    /// Whoever is there: nothing is gained by sampling.
    All,
    /// Each client by itself with this probability, in (0, 1].
    Poisson {
        /// The probability.
        rate: f64,
    },
    /// A fixed number, drawn without replacement. Neighbours have one client replaced, not left out.
    FixedSize {
        /// The share of all clients, in (0, 1].
        rate: f64,
    },
    /// Whoever may, no more often than that, with noise from a [`tree`](super::tree).
    Tree(Participation),
    /// Whoever may, no more often than that, with noise of [`bands`](super::banded).
    Banded(Participation, Band),
}

/// How the cost is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accountant {
    /// Rényi differential privacy.
    Rdp,
    /// Privacy loss distributions: tighter. Not for [`Sampling::FixedSize`].
    Pld,
}

/// A release of a Gaussian mechanism that is repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// How the cost is computed.
    pub accountant: Accountant,
    /// Which clients take part.
    pub sampling: Sampling,
    /// The noise's standard deviation divided by the most that two neighbours' sums differ.
    pub noise_multiplier: f64,
}

impl Plan {
    /// The ε that so many releases cost at δ, rounded upwards: 0 for none, infinite where nothing finite can be said.
    ///
    /// `delta` must be at least [`SMALLEST_DELTA`] and below 1.
    #[must_use]
    pub fn epsilon(&self, releases: u64, delta: f64) -> f64 {
        self.epsilon_on(STEP, releases, delta)
    }

    /// The same with losses on a grid of another distance.
    pub(super) fn epsilon_on(&self, step: f64, releases: u64, delta: f64) -> f64 {
        assert!((SMALLEST_DELTA..1.0).contains(&delta), "δ = {delta} is out of range");
        if releases == 0 {
            return 0.0;
        }
        // NaN is no noise either.
        if self.noise_multiplier.is_nan() || self.noise_multiplier <= 0.0 {
            return f64::INFINITY;
        }
        let squared = match self.sampling {
            Sampling::Tree(participation) => Some(tree::squared_sensitivity(participation, releases) as f64),
            Sampling::Banded(participation, band) => Some(band.squared_sensitivity(participation, releases)),
            Sampling::All | Sampling::Poisson { .. } | Sampling::FixedSize { .. } => None,
        };
        if let Some(squared) = squared {
            // All rounds together are one release, which neighbours move by the root of the sum of squares.
            let noise_multiplier = self.noise_multiplier / squared.sqrt();
            return Self { sampling: Sampling::All, noise_multiplier, ..*self }.epsilon_on(step, 1, delta);
        }
        let by_rdp = || {
            let one = rdp::divergences(self.sampling, self.noise_multiplier);
            let all: Vec<f64> = one.iter().map(|divergence| divergence * releases as f64).collect();
            rdp::epsilon(&all, delta)
        };
        match (self.accountant, self.sampling) {
            (Accountant::Rdp, _)
            | (_, Sampling::Tree(_) | Sampling::Banded(..))
            | (Accountant::Pld, Sampling::FixedSize { .. }) => by_rdp(),
            // Releases with all clients are one release with less noise, which needs no composition.
            (Accountant::Pld, Sampling::All) => {
                let noise = self.noise_multiplier / (releases as f64).sqrt();
                Losses::on_grid(step, 1.0, noise).and_then(|one| one.epsilon(1, delta)).unwrap_or_else(by_rdp)
            }
            (Accountant::Pld, Sampling::Poisson { rate }) => {
                let one = Losses::on_grid(step, rate, self.noise_multiplier);
                one.and_then(|one| one.epsilon(releases, delta)).unwrap_or_else(by_rdp)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(accountant: Accountant, sampling: Sampling, noise_multiplier: f64) -> Plan {
        Plan { accountant, sampling, noise_multiplier }
    }

    /// δ of one Gaussian release in closed form (Balle and Wang 2018, arXiv 1805.06530).
    fn delta_of_gaussian(epsilon: f64, sigma: f64) -> f64 {
        let phi = |x: f64| 0.5 * libm::erfc(-x / std::f64::consts::SQRT_2);
        phi(0.5 / sigma - epsilon * sigma) - epsilon.exp() * phi(-0.5 / sigma - epsilon * sigma)
    }

    #[test]
    fn a_single_release_costs_what_the_closed_form_says() {
        for sigma in [0.15, 0.5, 1.0, 3.0] {
            for delta in [1e-3, 1e-6, 1e-9] {
                let epsilon = plan(Accountant::Pld, Sampling::All, sigma).epsilon(1, delta);
                assert!(delta_of_gaussian(epsilon, sigma) <= delta);
                assert!(delta_of_gaussian(epsilon * 0.999, sigma) > delta, "{sigma} {delta} {epsilon}");
                let looser = plan(Accountant::Rdp, Sampling::All, sigma).epsilon(1, delta);
                assert!(looser > epsilon && looser < 1.3 * epsilon, "{looser} {epsilon}");
            }
        }
    }

    #[test]
    fn no_noise_costs_everything_and_no_release_nothing() {
        for accountant in [Accountant::Rdp, Accountant::Pld] {
            for sampling in
                [Sampling::All, Sampling::Poisson { rate: 0.1 }, Sampling::FixedSize { rate: 0.1 }]
            {
                assert_eq!(plan(accountant, sampling, 0.0).epsilon(1, 1e-5), f64::INFINITY);
                assert_eq!(plan(accountant, sampling, f64::NAN).epsilon(1, 1e-5), f64::INFINITY);
                assert_eq!(plan(accountant, sampling, 1.0).epsilon(0, 1e-5), 0.0);
            }
        }
    }

    #[test]
    fn sampling_everybody_is_no_sampling() {
        for accountant in [Accountant::Rdp, Accountant::Pld] {
            let all = plan(accountant, Sampling::All, 1.1).epsilon(7, 1e-6);
            let poisson = plan(accountant, Sampling::Poisson { rate: 1.0 }, 1.1).epsilon(7, 1e-6);
            assert!((all / poisson - 1.0).abs() < 2e-3, "{all} {poisson}");
        }
    }

    #[test]
    fn noise_beyond_the_grid_is_accounted_for_by_the_other_accountant() {
        let tiny = plan(Accountant::Pld, Sampling::All, 0.01).epsilon(1, 1e-5);
        assert!(tiny > 5000.0 && tiny.is_finite(), "{tiny}");
    }
}
