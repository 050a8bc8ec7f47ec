//! How many refusals of one caller are written down: enough to see an attack, not enough to fill the disk with it.

use std::collections::HashMap;

use thunderline_core::Timestamp;

/// Refusals of one actor and action that are recorded per minute.
const PER_MINUTE: u32 = 10;
const MINUTE: i64 = 60;
/// Callers remembered; beyond, all are forgotten, which errs on the side of recording.
const CALLERS: usize = 10_000;

/// A fixed-window counter per actor and action.
#[derive(Default)]
pub(crate) struct Denials(HashMap<(String, &'static str), (i64, u32)>);

impl Denials {
    /// True where this refusal is to be recorded.
    pub(crate) fn admit(&mut self, actor: String, action: &'static str, now: Timestamp) -> bool {
        let window = now.as_second().div_euclid(MINUTE);
        if self.0.len() >= CALLERS {
            self.0.clear();
        }
        let (seen, count) = self.0.entry((actor, action)).or_insert((window, 0));
        if *seen != window {
            (*seen, *count) = (window, 0);
        }
        *count += 1;
        *count <= PER_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_recorded_ten_times_a_minute_per_caller() {
        let mut denials = Denials::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let recorded = (0..100).filter(|_| denials.admit("user:eve".into(), "fl.x", at(60))).count();
        assert_eq!(recorded, 10);
        assert!(denials.admit("user:bob".into(), "fl.x", at(60)), "another caller has its own count");
        assert!(denials.admit("user:eve".into(), "fl.x", at(120)), "a new minute begins");
    }
}
