//! When a failed job is tried again.

use thunderline_core::{ErrorClass, SignedDuration};

/// How failures of one class are answered.
struct Policy {
    retries: u32,
    first_ms: f64,
    growth: f64,
}

/// `None` where trying again cannot help.
fn policy(class: ErrorClass) -> Option<Policy> {
    match class {
        ErrorClass::Transient => Some(Policy { retries: 5, first_ms: 500.0, growth: 2.0 }),
        ErrorClass::Timeout => Some(Policy { retries: 3, first_ms: 1_000.0, growth: 2.0 }),
        ErrorClass::Dependency => Some(Policy { retries: 7, first_ms: 1_000.0, growth: 1.5 }),
        ErrorClass::Validation | ErrorClass::Permanent | ErrorClass::Security => None,
    }
}

/// The pause before the next try after a failure of this class, which was preceded by `failures` others; `None` where the
/// class's budget is used up. Pauses grow geometrically; a random half of each is kept, so that jobs that failed
/// together do not come back together.
pub(crate) fn pause(class: ErrorClass, failures: u32, random: u64) -> Option<SignedDuration> {
    let policy = policy(class).filter(|policy| failures < policy.retries)?;
    let exponent = i32::try_from(failures).unwrap_or(i32::MAX);
    let whole = policy.first_ms * policy.growth.powi(exponent);
    let share = 0.5 + 0.5 * (random >> 11) as f64 / (1_u64 << 53) as f64;
    Some(SignedDuration::from_micros((whole * share * 1_000.0) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses in milliseconds, up to the end of the budget.
    fn pauses(class: ErrorClass, random: u64) -> Vec<i128> {
        (0..).map_while(|failures| pause(class, failures, random)).map(|pause| pause.as_millis()).collect()
    }

    #[test]
    fn each_class_has_its_budget_and_its_growing_pauses() {
        let longest = |class| pauses(class, u64::MAX);
        assert_eq!(longest(ErrorClass::Transient), [500, 1_000, 2_000, 4_000, 8_000]);
        assert_eq!(longest(ErrorClass::Timeout), [1_000, 2_000, 4_000]);
        assert_eq!(longest(ErrorClass::Dependency), [1_000, 1_500, 2_250, 3_375, 5_062, 7_593, 11_390]);
        for class in [ErrorClass::Validation, ErrorClass::Permanent, ErrorClass::Security] {
            assert!(longest(class).is_empty(), "{class:?}");
        }
    }

    #[test]
    fn pauses_are_spread_over_their_second_half() {
        assert_eq!(pauses(ErrorClass::Timeout, 0), [500, 1_000, 2_000]);
        assert_eq!(pauses(ErrorClass::Timeout, 1 << 63), [750, 1_500, 3_000]);
    }
}
