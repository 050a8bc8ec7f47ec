//! Where a consumer stands, as one process remembers it.

use thunderline_core::{Error, Timestamp};
use thunderline_store::Failure;

/// One consumer's place in the outbox.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Whether the database knows that there is such a consumer.
    pub registered: bool,
    /// Its cursor, as last seen.
    pub cursor: i64,
    /// How far was looked: at or beyond the cursor, which stands at the last event that was for this consumer.
    pub looked: i64,
    /// The event that it failed at and is to be tried again.
    failing: Option<(i64, Failure)>,
}

impl Place {
    /// The cursor was found at this place. Where it went back, somebody wants events to be seen again.
    pub fn found(&mut self, cursor: i64) {
        self.looked = if cursor < self.cursor { cursor } else { cursor.max(self.looked) };
        self.cursor = cursor;
    }

    /// Everything up to here is handled.
    pub fn handled(&mut self, sequence: i64) {
        (self.cursor, self.looked) = (sequence, sequence.max(self.looked));
        self.failing = None;
    }

    /// Counts a failure at an event; gives all that is known of its failures.
    pub fn failed(&mut self, sequence: i64, error: &Error, now: Timestamp) -> Failure {
        let before =
            self.failing.take().filter(|(failed, _)| *failed == sequence).map(|(_, failure)| failure);
        let (attempts, first_at) = before.map_or((1, now), |before| (before.attempts + 1, before.first_at));
        let failure = Failure { attempts, first_at, class: error.class(), reason: error.chain() };
        self.failing = Some((sequence, failure.clone()));
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_was_set_back_is_followed_and_one_that_waits_for_its_next_event_is_not() {
        let mut place = Place::default();
        place.found(0);
        place.handled(7);
        place.looked = 90;
        place.found(7);
        assert_eq!(place.looked, 90, "nothing for it between 7 and 90");
        place.found(12);
        assert_eq!((place.cursor, place.looked), (12, 90), "another process was there");
        place.found(3);
        assert_eq!((place.cursor, place.looked), (3, 3));
    }

    #[test]
    fn tries_are_counted_per_event() {
        let (mut place, now) = (Place::default(), Timestamp::UNIX_EPOCH);
        let error = Error::unavailable("away");
        assert_eq!(place.failed(4, &error, now).attempts, 1);
        assert_eq!(place.failed(4, &error, now).attempts, 2);
        assert_eq!(place.failed(5, &error, now).attempts, 1);
        place.handled(5);
        assert_eq!(place.failed(5, &error, now).attempts, 1, "it was set back and fails again");
    }
}
