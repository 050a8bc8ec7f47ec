//! How often an event is tried again, and after which pause.
//!
//! The error's class decides; the event's kind caps it. Retries come on top of the first try.

use std::time::Duration;

use thunderline_core::ErrorClass;

/// How often one event that failed with an error of this class is tried again before it is put aside.
#[must_use]
pub fn budget(class: ErrorClass, event: &str) -> u32 {
    let by_class = match class {
        ErrorClass::Transient => 5,
        ErrorClass::Timeout => 3,
        ErrorClass::Dependency => 7,
        ErrorClass::Permanent | ErrorClass::Validation | ErrorClass::Security => 0,
    };
    by_class.min(cap(event))
}

fn cap(event: &str) -> u32 {
    let of = |root: &str| event.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'));
    if of("ml.run") {
        5
    } else if of("ui.command") {
        2
    } else {
        3
    }
}

/// The pause before retry number `retry` (from 1): it grows by class, and a random half of it is kept so that consumers
/// that failed together do not come back together. A person's command does not wait.
#[must_use]
pub fn pause(class: ErrorClass, event: &str, retry: u32, random: u64) -> Duration {
    if event.starts_with("ui.command.") {
        return Duration::ZERO;
    }
    let grown = |first: f64, factor: f64| first * factor.powi(i32::try_from(retry.min(20)).unwrap_or(20) - 1);
    let seconds = match class {
        ErrorClass::Transient => grown(0.5, 2.0),
        ErrorClass::Timeout => grown(1.0, 2.0),
        _ => grown(1.0, 1.5),
    };
    let kept = 0.5 + (random % 1_001) as f64 / 2_000.0;
    Duration::from_secs_f64(seconds.min(60.0) * kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_decides_and_the_kind_of_event_caps() {
        use ErrorClass::{Dependency, Permanent, Security, Timeout, Transient, Validation};
        for (class, run, command, other) in [
            (Transient, 5, 2, 3),
            (Timeout, 3, 2, 3),
            (Dependency, 5, 2, 3),
            (Permanent, 0, 0, 0),
            (Validation, 0, 0, 0),
            (Security, 0, 0, 0),
        ] {
            assert_eq!(budget(class, "ml.run.failed"), run, "{class:?}");
            assert_eq!(budget(class, "ui.command.requested"), command, "{class:?}");
            assert_eq!(budget(class, "fl.round.completed"), other, "{class:?}");
            assert_eq!(budget(class, "ml.runner.joined"), other, "a longer segment is another one");
        }
    }

    #[test]
    fn pauses_grow_and_keep_at_least_half() {
        let millis = |class, retry, random| pause(class, "fl.x", retry, random).as_millis();
        assert_eq!([1, 2, 3].map(|retry| millis(ErrorClass::Transient, retry, 1_000)), [500, 1_000, 2_000]);
        assert_eq!([1, 2, 3].map(|retry| millis(ErrorClass::Timeout, retry, 1_000)), [1_000, 2_000, 4_000]);
        assert_eq!(
            [1, 2, 3].map(|retry| millis(ErrorClass::Dependency, retry, 1_000)),
            [1_000, 1_500, 2_250]
        );
        assert_eq!(millis(ErrorClass::Transient, 1, 0), 250);
        assert_eq!(millis(ErrorClass::Timeout, u32::MAX, 1_000), 60_000);
        assert_eq!(pause(ErrorClass::Timeout, "ui.command.requested", 2, 7), Duration::ZERO);
    }
}
