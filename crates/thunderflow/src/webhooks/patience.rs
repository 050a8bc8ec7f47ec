//! What an answer means, and when a delivery is tried again.

use thunderline_core::{ErrorClass, SignedDuration};

/// How long a webhook may fail without a success between before it is disabled.
pub const FAILING: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Seconds after each failed attempt: in all, three days.
const PAUSES: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// What an answer's status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Taken,
    /// It was not; the class says how often to try again.
    Failed(ErrorClass),
    /// The receiver wants nothing more.
    Gone,
}

/// What this status means. A redirect is a failure: where the events go was agreed upon when the webhook was made.
#[must_use]
pub fn verdict(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Taken,
        410 => Verdict::Gone,
        408 => Verdict::Failed(ErrorClass::Timeout),
        425 | 429 => Verdict::Failed(ErrorClass::Transient),
        300..=499 => Verdict::Failed(ErrorClass::Validation),
        _ => Verdict::Failed(ErrorClass::Dependency),
    }
}

/// The pause after the given failed attempt (from 1), a tenth longer at most; none: give up. What the receiver refuses is
/// tried for some hours, since it may be about to be mended; what must not be sent is not tried again.
#[must_use]
pub fn pause(class: ErrorClass, attempt: u32, random: u64) -> Option<SignedDuration> {
    let retries = match class {
        ErrorClass::Security => 0,
        ErrorClass::Validation | ErrorClass::Permanent => 4,
        ErrorClass::Transient | ErrorClass::Timeout | ErrorClass::Dependency => PAUSES.len(),
    };
    let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
    let seconds = *PAUSES.get(index).filter(|_| index < retries)?;
    let longer = i64::try_from(random % 101).unwrap_or(0);
    Some(SignedDuration::from_millis(seconds * (1_000 + longer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_a_two_hundred_and_gone_is_gone() {
        assert_eq!(
            (verdict(200), verdict(204), verdict(410)),
            (Verdict::Taken, Verdict::Taken, Verdict::Gone)
        );
        for (status, class) in [
            (302, ErrorClass::Validation),
            (404, ErrorClass::Validation),
            (408, ErrorClass::Timeout),
            (429, ErrorClass::Transient),
            (500, ErrorClass::Dependency),
            (503, ErrorClass::Dependency),
        ] {
            assert_eq!(verdict(status), Verdict::Failed(class), "{status}");
        }
    }

    #[test]
    fn pauses_follow_the_schedule_and_end_by_class() {
        let seconds = |class, attempt| pause(class, attempt, 0).map(|it| it.as_secs());
        assert_eq!(seconds(ErrorClass::Dependency, 1), Some(5));
        assert_eq!(seconds(ErrorClass::Dependency, 9), Some(86_400));
        assert_eq!(seconds(ErrorClass::Dependency, 10), None);
        assert_eq!(seconds(ErrorClass::Validation, 4), Some(7_200));
        assert_eq!(seconds(ErrorClass::Validation, 5), None);
        assert_eq!(seconds(ErrorClass::Security, 1), None);
        assert_eq!(pause(ErrorClass::Timeout, 1, 100).map(|it| it.as_millis()), Some(5_500));
    }
}
