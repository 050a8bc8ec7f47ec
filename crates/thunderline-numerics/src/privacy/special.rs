//! Functions in log space, and the normal distribution's tails.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

/// ln(eˣ + eʸ).
pub(super) fn log_add(x: f64, y: f64) -> f64 {
    let (low, high) = if x < y { (x, y) } else { (y, x) };
    if low == f64::NEG_INFINITY { high } else { high + libm::log1p(libm::exp(low - high)) }
}

/// ln |C(n, k)| for any real n that is no negative whole number, and 0 ≤ k.
pub(super) fn log_choose(n: f64, k: f64) -> f64 {
    libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0)
}

/// ln erfc(x), also where erfc itself has become zero.
pub(super) fn log_erfc(x: f64) -> f64 {
    if x < 25.0 {
        return libm::log(libm::erfc(x));
    }
    // The series at infinity, to 1e-12 from here on.
    let inverse = 1.0 / (x * x);
    let series = -0.5 * inverse + 0.625 * inverse * inverse - 37.0 / 24.0 * inverse * inverse * inverse;
    -x * x - libm::log(x) - 0.5 * libm::log(PI) + series
}

/// ln ½.
pub(super) const LOG_HALF: f64 = -LN_2;

/// Pr[a < N(0,1) ≤ b], without cancellation in either tail. `a` and `b` may be infinite.
pub(super) fn normal_between(a: f64, b: f64) -> f64 {
    let tail = |x: f64| 0.5 * libm::erfc(x * FRAC_1_SQRT_2);
    let mass = if a >= 0.0 {
        tail(a) - tail(b)
    } else if b <= 0.0 {
        tail(-b) - tail(-a)
    } else {
        1.0 - tail(-a) - tail(b)
    };
    mass.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_continuous_where_its_formula_changes() {
        let (below, above) = (log_erfc(25.0 - 1e-9), log_erfc(25.0 + 1e-9));
        assert!((below - above).abs() < 2e-7, "{below} {above}");
        assert!((log_erfc(40.0) - -1_604.261_239_5).abs() < 1e-3, "{}", log_erfc(40.0));
    }

    #[test]
    fn masses_of_the_normal_distribution_are_right_in_both_tails() {
        let one_sigma = normal_between(-1.0, 1.0);
        assert!((one_sigma - 0.682_689_492_137_085_9).abs() < 1e-15);
        let far = normal_between(8.0, f64::INFINITY);
        assert!((far / 6.220_960_574_271_785e-16 - 1.0).abs() < 1e-12);
        assert_eq!(far, normal_between(f64::NEG_INFINITY, -8.0));
    }

    #[test]
    fn sums_survive_in_log_space() {
        assert!((log_add(-1000.0, -1000.0) - (LN_2 - 1000.0)).abs() < 1e-12);
        assert_eq!(log_add(f64::NEG_INFINITY, 3.0), 3.0);
        assert!((libm::exp(log_choose(5.0, 2.0)) - 10.0).abs() < 1e-12);
    }
}
