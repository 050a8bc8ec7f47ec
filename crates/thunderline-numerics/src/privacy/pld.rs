//! The accountant of privacy loss distributions (Koskela, Jälkö and Honkela 2020, arXiv 1906.03049; Meiser and Mohammadi
//! 2018) for the Gaussian mechanism over all or Poisson-sampled clients.
//!
//! The loss of one release is put on a grid by 'connecting the dots' (Doroshenko et al. 2022, arXiv 2207.04380): the mass of
//! an interval is split over its ends such that the probabilities under both neighbours stay as they are, which is the least
//! pessimistic of all pessimistic ways. Releases compose by a Fourier transform; mass that leaves the window counts as
//! infinite loss. What remains is rounding, for which δ is lowered by [`ROUNDING`] and ε raised by [`OUTWARD`].

use super::{
    fft::{Complex, Transform, power},
    special::normal_between,
};

/// The distance of two points of the grid: Google's default, so that both are equally pessimistic.
pub(super) const STEP: f64 = 1e-4;

/// The same where a result is only wanted for a first look.
pub(super) const COARSE: f64 = 16.0 * STEP;

/// Mass of the composed distribution that may lie outside of its window.
const OUTSIDE: f64 = 1e-15;

/// What the transform's rounding may hide of δ.
pub const ROUNDING: f64 = 2e-14;

/// By how much a result is raised, for the rounding errors of this and of other implementations.
pub const OUTWARD: f64 = 1e-6;

/// Standard deviations beyond which the noise counts as infinite loss: a mass of 1e-22.
const FAR: f64 = 10.2;

/// The longest window that is composed. Beyond it losses are in the hundreds, and no accountant says anything useful.
const LONGEST: usize = 1 << 23;

/// The smallest δ that is accounted for.
pub const SMALLEST_DELTA: f64 = 1e-11;

/// The distribution of the privacy loss of one release, for both directions of neighbourhood.
pub struct Losses {
    /// The client is there, its absence is the alternative.
    removed: Grid,
    /// The other way round; none where both are the same.
    added: Option<Grid>,
}

/// A distribution of losses on the grid.
struct Grid {
    /// The distance of two points.
    step: f64,
    /// The loss of the first mass, in steps.
    first: i64,
    masses: Vec<f64>,
    infinite: f64,
}

impl Losses {
    /// One release of the sum of the clients that were chosen, each with probability `rate` in (0, 1], with noise of
    /// `noise_multiplier` times what a client moves the sum. `None` where the noise is so small that the grid would not fit
    /// memory.
    #[must_use]
    pub fn of_gaussian(rate: f64, noise_multiplier: f64) -> Option<Self> {
        Self::on_grid(STEP, rate, noise_multiplier)
    }

    /// The same on a grid of another distance. The coarser it is, the more pessimistic.
    pub(super) fn on_grid(step: f64, rate: f64, noise_multiplier: f64) -> Option<Self> {
        let sigma = noise_multiplier;
        let (least, most) = (-FAR * sigma, FAR * sigma + 1.0);
        let low = (loss(rate, sigma, least) / step).floor();
        let high = (loss(rate, sigma, most) / step).ceil();
        if high - low > LONGEST as f64 / 2.0 {
            return None;
        }
        let (low, high) = (low as i64, high as i64);
        let cuts: Vec<f64> = (low..=high).map(|place| place_of(rate, sigma, place as f64 * step)).collect();
        let size = cuts.len();
        let (mut removed, mut added) = (vec![0.0; size], vec![0.0; size]);
        for (place, ends) in cuts.windows(2).enumerate() {
            let absent = normal_between(ends[0] / sigma, ends[1] / sigma);
            let shifted = normal_between((ends[0] - 1.0) / sigma, (ends[1] - 1.0) / sigma);
            let present = (1.0 - rate) * absent + rate * shifted;
            let bottom = (low + place as i64) as f64 * step;
            let upper = raised(step, present, absent * libm::exp(bottom));
            removed[place] += present - upper;
            removed[place + 1] += upper;
            // The same interval with the sign turned: its lower end is the upper end here.
            let upper = raised(step, absent, present * libm::exp(-bottom - step));
            added[size - 1 - place] += upper;
            added[size - 2 - place] += absent - upper;
        }
        // What lies beyond the last cut is all there is above; what lies below the first is lifted to it.
        let beyond = |from: f64| normal_between(from / sigma, f64::INFINITY);
        let (first, last) = (cuts[0], cuts[size - 1]);
        removed[0] += (1.0 - rate) * beyond(-first) + rate * beyond(1.0 - first);
        added[0] += beyond(last);
        let removed = Grid {
            step,
            first: low,
            masses: removed,
            infinite: (1.0 - rate) * beyond(last) + rate * beyond(last - 1.0),
        };
        let added = Grid { step, first: -high, masses: added, infinite: beyond(-first) };
        Some(Self { removed, added: (rate < 1.0).then_some(added) })
    }

    /// The smallest ε of so many releases for δ, rounded upwards; `None` where the window would not fit memory.
    /// `releases` is at least 1, `delta` at least [`SMALLEST_DELTA`] and below 1.
    #[must_use]
    pub fn epsilon(&self, releases: u64, delta: f64) -> Option<f64> {
        let delta = delta - ROUNDING;
        let mut transform = None;
        let removed = self.removed.composed(releases, &mut transform)?.epsilon(delta);
        let added = match &self.added {
            Some(added) => added.composed(releases, &mut transform)?.epsilon(delta),
            None => 0.0,
        };
        Some(removed.max(added) * (1.0 + OUTWARD))
    }
}

/// ln of how much likelier the noisy sum x is when the client (which adds 1) is there than when it is not.
fn loss(rate: f64, sigma: f64, x: f64) -> f64 {
    let plain = (2.0 * x - 1.0) / (2.0 * sigma * sigma);
    if rate >= 1.0 {
        // Without a floor to the loss, its exponential may vanish.
        plain
    } else if plain > 30.0 {
        plain + libm::log(rate + (1.0 - rate) * libm::exp(-plain))
    } else {
        libm::log1p(rate * libm::expm1(plain))
    }
}

/// Where the loss is this one; −∞ where it is larger everywhere.
fn place_of(rate: f64, sigma: f64, loss: f64) -> f64 {
    let plain = if rate >= 1.0 {
        loss
    } else if loss > 30.0 {
        loss + libm::log(1.0 - (1.0 - rate) * libm::exp(-loss)) - libm::log(rate)
    } else {
        let ratio = libm::expm1(loss) / rate;
        if ratio <= -1.0 {
            return f64::NEG_INFINITY;
        }
        libm::log1p(ratio)
    };
    sigma * sigma * plain + 0.5
}

/// How much of an interval's mass belongs to its upper end. `level` is the mass under the neighbour, times e to the lower
/// end's loss. A millionth more is lifted than that, so that rounding never lowers a loss.
fn raised(step: f64, mass: f64, level: f64) -> f64 {
    ((mass - level) / -libm::expm1(-step) + 1e-6 * mass).clamp(0.0, mass)
}

impl Grid {
    /// So many of them one after the other. The transform is kept for the next that has the same size.
    fn composed(&self, times: u64, transform: &mut Option<Transform>) -> Option<Self> {
        if times == 1 {
            return Some(Self { masses: self.masses.clone(), ..*self });
        }
        let (low, high) = self.window(times);
        let length = usize::try_from(high - low + 1).ok()?;
        let size = length.max(self.masses.len()).next_power_of_two();
        if size > LONGEST {
            return None;
        }
        let mut x = Complex::zeros(size);
        x.re[..self.masses.len()].copy_from_slice(&self.masses);
        let kept = transform.take().filter(|kept| kept.size() == size);
        let transform = transform.insert(kept.unwrap_or_else(|| Transform::new(size)));
        transform.forward(&mut x);
        power(&mut x, times);
        transform.inverse(&mut x);
        // The transform wraps around: place p of the sum stands at p modulo its size.
        let masses = (0..length).map(|place| x.re[(low as usize + place) % size]).collect();
        let infinite = OUTSIDE - libm::expm1(times as f64 * libm::log1p(-self.infinite));
        Some(Self { step: self.step, first: self.first * times as i64 + low, masses, infinite })
    }

    /// Places of the composed distribution, counted from its smallest, such that no more than [`OUTSIDE`] lies outside
    /// (Chernoff's bound at a few orders).
    fn window(&self, times: u64) -> (i64, i64) {
        let length = self.masses.len() as f64;
        let times = times as f64;
        let (mut low, mut high) = (0.0f64, (length - 1.0) * times);
        let slack = libm::log(2.0 / OUTSIDE);
        for order in (1..=5).map(|order| 4.0 * f64::from(order)).chain([0.3, 0.6, 1.0, 1.5, 2.0, 3.0]) {
            for order in [order / length, -order / length] {
                // Powers by repeated products: exponentials would cost more than the transform.
                let (base, mut factor) = (libm::exp(order), 1.0);
                let mut moment = 0.0;
                for mass in &self.masses {
                    moment += mass * factor;
                    factor *= base;
                }
                let bound = (times * libm::log(moment) + slack) / order;
                if order > 0.0 {
                    high = high.min(bound.ceil());
                } else {
                    low = low.max(bound.floor());
                }
            }
        }
        (low as i64, high.max(low) as i64)
    }

    /// The smallest ε ≥ 0 with δ(ε) ≤ δ, where δ(ε) = infinite mass + Σ mass·(1 − e^(ε − loss)) over the losses above ε.
    fn epsilon(&self, delta: f64) -> f64 {
        if self.infinite > delta {
            return f64::INFINITY;
        }
        let (mut upper, mut lower) = (self.infinite, 0.0f64);
        for (place, mass) in self.masses.iter().enumerate().rev() {
            let loss = (self.first + place as i64) as f64 * self.step;
            if upper > delta && lower > 0.0 && libm::log((upper - delta) / lower) >= loss {
                break;
            }
            upper += mass;
            lower += libm::exp(-loss) * mass;
            if upper >= delta && lower == 0.0 {
                return loss.max(0.0);
            }
        }
        if upper <= lower + delta { 0.0 } else { libm::log((upper - delta) / lower).max(0.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_keeps_all_mass_under_both_neighbours() {
        for (rate, sigma) in [(1.0, 1.0), (0.01, 0.7), (0.3, 4.0)] {
            let losses = Losses::of_gaussian(rate, sigma).unwrap();
            for grid in [Some(&losses.removed), losses.added.as_ref()].into_iter().flatten() {
                let total: f64 = grid.masses.iter().sum::<f64>() + grid.infinite;
                assert!((total - 1.0).abs() < 1e-12, "{rate} {sigma}: {total}");
                // Under the neighbour, a mass counts e^−loss as much.
                let other: f64 = grid
                    .masses
                    .iter()
                    .enumerate()
                    .map(|(place, mass)| mass * (-(grid.first + place as i64) as f64 * STEP).exp())
                    .sum();
                assert!(other < 1.0 + 1e-9 && other > 1.0 - 1e-6, "{rate} {sigma}: {other}");
            }
        }
    }

    #[test]
    fn a_place_and_its_loss_are_each_others_inverse() {
        for x in [-3.0, 0.2, 1.0, 5.0, 40.0] {
            let there = loss(0.1, 1.0, x);
            assert!((place_of(0.1, 1.0, there) - x).abs() < 1e-9, "{x}");
        }
        assert_eq!(place_of(0.5, 1.0, -1.0), f64::NEG_INFINITY);
    }

    #[test]
    fn noise_too_small_for_the_grid_is_said_to_be_so() {
        assert!(Losses::of_gaussian(1.0, 0.01).is_none());
    }
}
