//! When a failed job is tried again.

use thunderline_core::{ErrorClass, SignedDuration};

const FIRST_MS: u64 = 1_000;
const LONGEST_MS: u64 = 5 * 60_000;

/// True where trying again cannot help.
pub(crate) fn is_final(class: ErrorClass) -> bool {
    match class {
        ErrorClass::Validation | ErrorClass::Permanent | ErrorClass::Security => true,
        ErrorClass::Transient | ErrorClass::Timeout | ErrorClass::Dependency => false,
    }
}

/// The pause after the given attempt (from 1): doubling from 1 s up to 5 min, of which a random half is kept, so that
/// jobs that failed together do not come back together.
pub(crate) fn delay(attempt: u32, random: u64) -> SignedDuration {
    let doubled = FIRST_MS.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    let whole = doubled.min(LONGEST_MS);
    let kept = whole / 2 + random % (whole / 2 + 1);
    SignedDuration::from_millis(i64::try_from(kept).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_are_spread_over_their_second_half() {
        for (attempt, whole) in [(1, 1_000), (2, 2_000), (5, 16_000), (10, 300_000), (u32::MAX, 300_000)] {
            assert_eq!(delay(attempt, 0).as_millis(), whole / 2);
            for random in [1, 12_345, u64::MAX] {
                assert!(
                    (whole / 2..=whole).contains(&delay(attempt, random).as_millis()),
                    "attempt {attempt}"
                );
            }
        }
    }
}
