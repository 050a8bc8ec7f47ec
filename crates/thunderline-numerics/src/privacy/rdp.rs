//! The Rényi accountant (Mironov 2017, arXiv 1702.07476).
//!
//! Divergences of one release at many orders, added up over releases, converted to (ε, δ) at the best order (Canonne, Kamath
//! and Steinke 2020, arXiv 2004.00010, Proposition 12). The orders are those of Google's dp-accounting, so that both say
//! the same; the result is rounded upwards by [`OUTWARD`].

use super::{
    plan::Sampling,
    special::{LOG_HALF, log_add, log_choose, log_erfc, log_sub},
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
            let differences = forward_differences(sigma, EXACT_FIXED_SIZE);
            orders
                .into_iter()
                .map(|order| fixed_size(rate, sigma, order, &differences) / (order - 1.0))
                .collect()
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
fn fixed_size(rate: f64, sigma: f64, order: f64, differences: &[f64]) -> f64 {
    let below = order.floor();
    let at_below = fixed_size_whole(rate, sigma, below as usize, differences);
    if below == order {
        return at_below;
    }
    let part = order - below;
    (1.0 - part) * at_below + part * fixed_size_whole(rate, sigma, order.ceil() as usize, differences)
}

fn fixed_size_whole(rate: f64, sigma: f64, order: usize, differences: &[f64]) -> f64 {
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
                let (low, high) = (differences[2 * (i / 2) - 1], differences[2 * i.div_ceil(2) - 1]);
                plain.min(log_4 + 0.5 * (low + high))
            } else {
                plain
            }
        };
        log_add(sum, term + x * log_rate + log_choose(order as f64, x))
    })
}

/// ln |Δᵏ exp(cumulant)| at 0, for k = 1, 2, … to beyond `most`: repeated differences of a function that grows like exp(x²),
/// kept as logarithm and sign.
fn forward_differences(sigma: f64, most: usize) -> Vec<f64> {
    let size = most + 3;
    // The first entry stands for the function at −1, which is 1 as at 0: the first difference is 0, as in the paper.
    let mut logs: Vec<f64> = (0..size)
        .map(|place| place.saturating_sub(1) as f64)
        .map(|x| x * (x + 1.0) / (2.0 * sigma * sigma))
        .collect();
    let mut signs = vec![true; size];
    (0..most + 2)
        .map(|done| {
            for place in 0..size - 1 - done {
                let (next, next_sign) = (logs[place + 1], signs[place + 1]);
                if signs[place] == next_sign {
                    let (sign, log) = log_sub(next, logs[place]);
                    (logs[place], signs[place]) = (log, if next_sign { sign } else { !sign });
                } else {
                    (logs[place], signs[place]) = (log_add(logs[place], next), next_sign);
                }
            }
            logs[0]
        })
        .collect()
}
