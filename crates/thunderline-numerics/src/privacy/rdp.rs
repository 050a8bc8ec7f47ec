//! The Rényi accountant (Mironov 2017, arXiv 1702.07476).
//!
//! Divergences of one release at many orders, added up over releases, converted to (ε, δ) at the best order (Canonne, Kamath
//! and Steinke 2020, arXiv 2004.00010, Proposition 12). The orders are those of Google's dp-accounting, so that both say
//! the same; the result is rounded upwards by [`OUTWARD`].

use super::{
    plan::Sampling,
    special::{LOG_HALF, log_add, log_choose, log_erfc},
};

/// By how much a result is raised, for the rounding errors of this and of other implementations.
pub const OUTWARD: f64 = 1e-7;

/// The most terms of the series for an order with a fraction; an order whose series is longer is left out.
const MOST_TERMS: u32 = 1000;

/// Up to this order the bound for fixed-size sampling is evaluated exactly.
const EXACT_FIXED_SIZE: usize = 256;

/// The orders at which divergences are kept.
#[must_use]
pub fn orders() -> Vec<f64> {
    let fractions = (1..100).map(|tenth| 1.0 + f64::from(tenth) / 10.0);
    fractions.chain((11..64).map(f64::from)).chain([128.0, 256.0, 512.0, 1024.0]).collect()
}

/// The divergences of one release of the Gaussian mechanism over sampled clients, at every order of [`orders`].
///
/// `noise_multiplier` is the noise's standard deviation divided by the most that two neighbours' sums differ; for noise
/// that is correlated over rounds, that they differ in all of them together.
#[must_use]
pub fn divergences(sampling: Sampling, noise_multiplier: f64) -> Vec<f64> {
    let sigma = noise_multiplier;
    let full = |order: f64| order / (2.0 * sigma * sigma);
    let orders = orders();
    match sampling {
        Sampling::All | Sampling::Tree(_) | Sampling::Banded(..) => orders.into_iter().map(full).collect(),
        Sampling::Poisson { rate } | Sampling::FixedSize { rate } if rate >= 1.0 => {
            orders.into_iter().map(full).collect()
        }
        Sampling::Poisson { rate } => {
            orders.into_iter().map(|order| poisson(rate, sigma, order) / (order - 1.0)).collect()
        }
        Sampling::FixedSize { rate } => {
            let moments = even_moments(sigma, EXACT_FIXED_SIZE);
            orders.into_iter().map(|order| fixed_size(rate, sigma, order, &moments) / (order - 1.0)).collect()
        }
    }
}

/// The smallest ε that these divergences (at [`orders`]) allow for δ, rounded upwards. `delta` is above 0 and below 1.
#[must_use]
pub fn epsilon(divergences: &[f64], delta: f64) -> f64 {
    let at = |order: f64, divergence: f64| {
        if delta * delta + libm::expm1(-divergence) > 0.0 {
            // Bretagnolle and Huber: δ ≤ √(1 − exp(−KL)).
            0.0
        } else {
            divergence + libm::log1p(-1.0 / order) - libm::log(delta * order) / (order - 1.0)
        }
    };
    let best =
        orders().into_iter().zip(divergences).map(|(order, &d)| at(order, d)).fold(f64::INFINITY, f64::min);
    if best <= 0.0 { 0.0 } else { best * (1.0 + OUTWARD) }
}

/// ln A_α of the Poisson-sampled Gaussian (Mironov, Talwar and Zhang 2019, arXiv 1908.10530).
fn poisson(rate: f64, sigma: f64, order: f64) -> f64 {
    if order.fract() == 0.0 {
        poisson_whole(rate, sigma, order)
    } else {
        poisson_fraction(rate, sigma, order)
    }
}

fn poisson_whole(rate: f64, sigma: f64, order: f64) -> f64 {
    let (log_rate, log_rest) = (libm::log(rate), libm::log1p(-rate));
    (0..=order as u32).map(f64::from).fold(f64::NEG_INFINITY, |sum, i| {
        let term = log_choose(order, i) + i * log_rate + (order - i) * log_rest;
        log_add(sum, term + (i * i - i) / (2.0 * sigma * sigma))
    })
}

/// Section 3.3 of the paper, with every term counted as positive: an upper bound, and what Google computes.
fn poisson_fraction(rate: f64, sigma: f64, order: f64) -> f64 {
    let root = std::f64::consts::SQRT_2 * sigma;
    let z = sigma * sigma * libm::log(1.0 / rate - 1.0) + 0.5;
    let (log_rate, log_rest) = (libm::log(rate), libm::log1p(-rate));
    let (mut below, mut above) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    let (mut last_below, mut last_above) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for i in (0..MOST_TERMS).map(f64::from) {
        let (coefficient, j) = (log_choose(order, i), order - i);
        let term_below = coefficient
            + i * log_rate
            + j * log_rest
            + (i * i - i) / (2.0 * sigma * sigma)
            + LOG_HALF
            + log_erfc((i - z) / root);
        let term_above = coefficient
            + j * log_rate
            + i * log_rest
            + (j * j - j) / (2.0 * sigma * sigma)
            + LOG_HALF
            + log_erfc((z - j) / root);
        below = log_add(below, term_below);
        above = log_add(above, term_above);
        let total = log_add(below, above);
        if term_below < last_below && term_above < last_above && term_below.max(term_above) < total - 30.0 {
            return total;
        }
        (last_below, last_above) = (term_below, term_above);
    }
    f64::INFINITY
}

/// ln A_α of the Gaussian over a fixed number of clients, drawn without replacement, of which one is replaced (Wang, Balle and
/// Kasiviswanathan 2019, arXiv 1808.00087, Theorem 27; between whole orders by convexity, Corollary 10).
fn fixed_size(rate: f64, sigma: f64, order: f64, moments: &[f64]) -> f64 {
    let below = order.floor();
    let at_below = fixed_size_whole(rate, sigma, below as usize, moments);
    if below == order {
        return at_below;
    }
    let part = order - below;
    (1.0 - part) * at_below + part * fixed_size_whole(rate, sigma, order.ceil() as usize, moments)
}

fn fixed_size_whole(rate: f64, sigma: f64, order: usize, moments: &[f64]) -> f64 {
    let divergence = |x: f64| x / (2.0 * sigma * sigma);
    let cumulant = |x: f64| x * divergence(x + 1.0);
    let (log_rate, log_2, log_4) = (libm::log(rate), libm::log(2.0), libm::log(4.0));
    let at_two = divergence(2.0);
    (2..=order).fold(0.0, |sum, i| {
        let x = i as f64;
        let term = if i == 2 {
            let sharp = log_4 + at_two + libm::log1p(-libm::exp(-at_two));
            sharp.min(at_two + log_2)
        } else {
            let plain = log_2 + cumulant(x - 1.0);
            if order <= EXACT_FIXED_SIZE {
                let (low, high) = (moments[i / 2 - 1], moments[i.div_ceil(2) - 1]);
                plain.min(log_4 + 0.5 * (low + high))
            } else {
                plain
            }
        };
        log_add(sum, term + x * log_rate + log_choose(order as f64, x))
    })
}

/// ln of the even moments, k = 2, 4, … `most`, of exp(W) − 1, where W is the privacy loss of the plain Gaussian, normal with mean
/// −1/(2σ²) and variance 1/σ².
///
/// They are the repeated differences Δᵏ exp(cumulant) of the paper. Subtracting those from each other, as other implementations do,
/// leaves nothing but rounding errors under large noise, and ε far above what the theorem says; here all terms are positive.
fn even_moments(sigma: f64, most: usize) -> Vec<f64> {
    (1..=most / 2).map(|half| even_moment(sigma, 2.0 * half as f64)).collect()
}

/// By the trapezoidal rule, whose error for such functions is far below that of rounding.
fn even_moment(sigma: f64, power: f64) -> f64 {
    const STEP: f64 = 1.0 / 16.0;
    let term = |place: i64| {
        let z = place as f64 * STEP;
        let w = z / sigma - 0.5 / (sigma * sigma);
        let size = if w > 40.0 { w } else { libm::log(libm::fabs(libm::expm1(w))) };
        power * size - 0.5 * z * z
    };
    // Where exp(W) is 1. On either side of it the logarithm of the terms is concave.
    let middle = (0.5 / sigma / STEP).ceil() as i64;
    let above = log_sum(|place| term(middle + place));
    let below = log_sum(|place| term(middle - 1 - place));
    log_add(above, below) + libm::log(STEP) - 0.5 * libm::log(2.0 * std::f64::consts::PI)
}

/// ln Σ exp(term(i)) over i ≥ 0, where the terms are concave in i and fall in the end.
fn log_sum(term: impl Fn(i64) -> f64) -> f64 {
    /// What is this far below the largest term adds nothing.
    const FAR: f64 = 45.0;
    let falls = |place: i64| term(place + 1) <= term(place);
    let (mut low, mut high) = (0, 1);
    while !falls(high) {
        (low, high) = (high, 2 * high);
    }
    while low < high {
        let middle = i64::midpoint(low, high);
        if falls(middle) { high = middle } else { low = middle + 1 }
    }
    let largest = term(high);
    let weight = |place: i64| term(place) - largest;
    let near = |share: &f64| *share > -FAR;
    let after: f64 = (high + 1..).map(weight).take_while(near).map(libm::exp).sum();
    let before: f64 = (0..high).rev().map(weight).take_while(near).map(libm::exp).sum();
    largest + libm::log(1.0 + after + before)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the binomial formula, whose terms cancel under large noise.
    fn in_closed_form(sigma: f64, power: u32) -> f64 {
        (0..=power)
            .map(|i| {
                let (x, sign) = (f64::from(i), if (power - i).is_multiple_of(2) { 1.0 } else { -1.0 });
                sign * libm::exp(log_choose(f64::from(power), x) + x * (x - 1.0) / (2.0 * sigma * sigma))
            })
            .sum()
    }

    #[test]
    fn the_moments_are_those_of_the_closed_form_and_of_a_normal_under_large_noise() {
        for sigma in [0.3, 0.7, 1.0, 2.0] {
            let moments = even_moments(sigma, 8);
            for (power, moment) in [2, 4, 6, 8].into_iter().zip(moments) {
                let expected = libm::log(in_closed_form(sigma, power));
                assert!((moment - expected).abs() < 1e-6, "{sigma} {power}: {moment} {expected}");
            }
        }
        // 1, 3, 15, 105: the moments of a standard normal.
        for (half, factor) in [1.0, 3.0, 15.0, 105.0].into_iter().enumerate() {
            let expected = libm::log(factor) - 2.0 * (half + 1) as f64 * libm::log(1e6);
            assert!((even_moment(1e6, 2.0 * (half + 1) as f64) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn twice_the_noise_costs_about_half_however_large_it_is() {
        let cost = |sigma: f64| {
            let one = divergences(Sampling::FixedSize { rate: 0.6 }, sigma);
            epsilon(&one.iter().map(|one| 1000.0 * one).collect::<Vec<_>>(), 1e-6)
        };
        for sigma in [500.0, 1000.0, 2000.0] {
            let ratio = cost(sigma) / cost(2.0 * sigma);
            assert!((1.8..2.2).contains(&ratio), "{sigma}: {ratio}");
        }
    }
}
