//! From (ε, δ) to a noise multiplier.

use thunderline_core::{Error, ErrorKind, Result};

use super::{Accountant, Plan, pld::COARSE};

/// No noise multiplier above this is looked for: a model under it learns nothing.
pub const MOST: f64 = 1e4;

/// The smallest noise multiplier that is given out: below it, ε is in the hundreds.
pub const LEAST: f64 = 0.05;

/// The result is at most this much larger than needed.
const PRECISION: f64 = 1e-3;

/// By what factor a search goes on at most.
const LARGEST_STEP: f64 = 1.6;

/// The smallest noise multiplier, to a tenth of a per cent, with which `releases` cost at most `epsilon`. The plan's own noise
/// multiplier is not looked at.
///
/// # Errors
/// `invalid` where even a noise multiplier of [`MOST`] is not enough.
pub fn noise_multiplier(plan: Plan, releases: u64, epsilon: f64, delta: f64) -> Result<f64> {
    let of = |plan: Plan, noise_multiplier: f64| Plan { noise_multiplier, ..plan };
    let rdp = Plan { accountant: Accountant::Rdp, ..plan };
    let far = Search { guess: 1.0, reach: 1.25, precision: PRECISION };
    let quick = far.smallest(epsilon, |noise| of(rdp, noise).epsilon(releases, delta))?;
    if plan.accountant == Accountant::Rdp {
        return Ok(quick);
    }
    // Each look is closer than the one before and needs fewer evaluations, which cost more: what the coarse grid finds is so
    // near that the exact one is mostly asked twice. Only what the exact one affirms is given out.
    let close = Search { guess: quick, reach: 1.25, precision: PRECISION / 20.0 };
    let coarse = close.smallest(epsilon, |noise| of(plan, noise).epsilon_on(COARSE, releases, delta))?;
    let exact = Search { guess: coarse, reach: 1.0 + 0.9 * PRECISION, precision: PRECISION };
    exact.smallest(epsilon, |noise| of(plan, noise).epsilon(releases, delta))
}

/// How a noise multiplier is looked for.
struct Search {
    /// Where it begins.
    guess: f64,
    /// The first step away from there, as a factor; the steps grow.
    reach: f64,
    /// How much larger than needed the result may be, as a share.
    precision: f64,
}

impl Search {
    /// The smallest noise multiplier whose cost is at most `epsilon`. The cost must not grow with the noise.
    ///
    /// # Errors
    /// As [`noise_multiplier`].
    fn smallest(&self, epsilon: f64, cost: impl Fn(f64) -> f64) -> Result<f64> {
        // Distance from the goal in log space, where the cost is nearly a straight line; infinite costs count as far away.
        let excess = |noise: f64| libm::log(cost(noise) / epsilon).clamp(-20.0, 20.0);
        let wider = |step: f64| (step * step).min(LARGEST_STEP);
        let mut high = (self.guess, excess(self.guess));
        let mut low = high;
        let mut step = self.reach;
        while high.1 > 0.0 {
            if high.0 >= MOST {
                let why = format!("no noise makes the rounds cost ε = {epsilon} or less");
                return Err(Error::new(ErrorKind::Invalid, why));
            }
            low = high;
            let noise = (high.0 * step).min(MOST);
            high = (noise, excess(noise));
            step = wider(step);
        }
        while low.1 <= 0.0 {
            if low.0 <= LEAST {
                return Ok(LEAST);
            }
            high = low;
            let noise = (low.0 / step).max(LEAST);
            low = (noise, excess(noise));
            step = wider(step);
        }
        let found = |low: f64, high: f64| high <= low * (1.0 + self.precision);
        while !found(low.0, high.0) {
            // Just beside where the line through both ends meets the goal; the middle, where the line is none.
            let meets = (high.1 / (high.1 - low.1)).clamp(0.0, 1.0);
            for share in [(meets - 0.02).max(0.01), (meets + 0.02).min(0.99), 0.5] {
                let noise = high.0 * libm::pow(low.0 / high.0, share);
                if found(low.0, high.0) {
                    break;
                }
                let here = (noise, excess(noise));
                if here.1 <= 0.0 { high = here } else { low = here }
            }
        }
        Ok(high.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        super::{Accountant, Sampling},
        *,
    };

    fn sampling() -> impl Strategy<Value = Sampling> {
        let rate = (-3.0..0.0f64).prop_map(|log| 10f64.powf(log));
        prop_oneof![
            Just(Sampling::All),
            rate.clone().prop_map(|rate| Sampling::Poisson { rate }),
            rate.prop_map(|rate| Sampling::FixedSize { rate }),
        ]
    }

    fn check(accountant: Accountant, sampling: Sampling, releases: u64, epsilon: f64, delta: f64) {
        let plan = Plan { accountant, sampling, noise_multiplier: 0.0 };
        let noise = noise_multiplier(plan, releases, epsilon, delta).unwrap();
        let cost = |noise_multiplier: f64| Plan { noise_multiplier, ..plan }.epsilon(releases, delta);
        assert!(cost(noise) <= epsilon);
        if noise > LEAST {
            assert!(cost(0.99 * noise) > epsilon, "{plan:?} {releases} {epsilon} {delta}: {noise}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn calibrated_noise_keeps_within_epsilon_and_a_hundredth_less_does_not(
            sampling in sampling(), releases in 1..2000u64, epsilon in 0.1..20.0f64, log_delta in -9.0..-3.0f64,
        ) {
            check(Accountant::Rdp, sampling, releases, epsilon, 10f64.powf(log_delta));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(6))]
        #[test]
        fn the_same_holds_of_loss_distributions(
            rate in 0.01..1.0f64, releases in 1..300u64, epsilon in 0.5..8.0f64, log_delta in -8.0..-3.0f64,
        ) {
            check(Accountant::Pld, Sampling::Poisson { rate }, releases, epsilon, 10f64.powf(log_delta));
        }
    }

    #[test]
    fn the_exact_grid_is_asked_seldom_once_the_coarse_one_has_answered() {
        // Settings whose exact grid is large; small ones are answered in no time.
        for (rate, releases, epsilon) in [(0.1, 100, 8.0), (0.5, 10, 4.0), (1.0, 10, 8.0)] {
            let sampling = Sampling::Poisson { rate };
            let plan = Plan { accountant: Accountant::Pld, sampling, noise_multiplier: 0.0 };
            let asked = std::cell::Cell::new(0);
            let exact = |noise: f64| {
                asked.set(asked.get() + 1);
                Plan { noise_multiplier: noise, ..plan }.epsilon(releases, 1e-5)
            };
            let coarse =
                |noise: f64| Plan { noise_multiplier: noise, ..plan }.epsilon_on(COARSE, releases, 1e-5);
            let search = Search { guess: 1.0, reach: 1.25, precision: PRECISION / 20.0 };
            let guess = search.smallest(epsilon, coarse).unwrap();
            let search = Search { guess, reach: 1.0 + 0.9 * PRECISION, precision: PRECISION };
            let found = search.smallest(epsilon, exact).unwrap();
            assert!(asked.get() <= 4, "{plan:?}: {} times for {found} from {guess}", asked.get());
        }
    }

    #[test]
    fn a_goal_that_no_noise_reaches_is_refused() {
        let plan = Plan { accountant: Accountant::Rdp, sampling: Sampling::All, noise_multiplier: 0.0 };
        let refused = noise_multiplier(plan, 1_000_000, 1e-4, 1e-9).unwrap_err();
        assert_eq!(refused.code(), "invalid");
    }

    #[test]
    fn a_goal_that_hardly_needs_noise_gets_the_least() {
        let plan = Plan { accountant: Accountant::Rdp, sampling: Sampling::All, noise_multiplier: 0.0 };
        assert_eq!(noise_multiplier(plan, 1, 1e6, 1e-5).unwrap(), LEAST);
    }
}
