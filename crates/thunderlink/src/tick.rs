//! The clock of the mesh: numbers the ticks of one process.

use std::time::Duration;

use thunderline_core::{Error, Result, Tick, Timestamp};

/// How often a process ticks unless told otherwise.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// Shorter would be a load, longer would be no sign of life.
const BOUNDS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(60));

/// Makes the ticks of one process. It has no timer: whoever has one asks it at each beat, so that tests tick by hand.
#[derive(Debug)]
pub struct TickGenerator {
    node: String,
    interval: Duration,
    sequence: u64,
}

impl TickGenerator {
    /// A generator for this process.
    ///
    /// # Errors
    /// `invalid` for an interval outside 50 ms to 60 s.
    pub fn new(node: &str, interval: Duration) -> Result<Self> {
        if interval < BOUNDS.0 || interval > BOUNDS.1 {
            let reason = format!("{} ms between ticks", interval.as_millis());
            return Err(Error::invalid_value("tick interval", reason, "50 ms to 60 s"));
        }
        Ok(Self { node: node.to_owned(), interval, sequence: 0 })
    }

    /// The time between two ticks.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The next tick. `monotonic` is the time since the process began to tick, `active` how many domains work.
    pub fn tick(&mut self, monotonic: Duration, at: Timestamp, active: usize) -> Tick {
        self.sequence += 1;
        Tick { node: self.node.clone(), sequence: self.sequence, monotonic, at, active }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_numbered_without_gaps_from_one() {
        let mut generator = TickGenerator::new("a", INTERVAL).unwrap();
        let ticks: Vec<_> =
            (0..3).map(|n| generator.tick(INTERVAL * n, Timestamp::UNIX_EPOCH, 0).sequence).collect();
        assert_eq!(ticks, [1, 2, 3]);
    }

    #[test]
    fn an_interval_out_of_bounds_is_refused_with_what_is_allowed() {
        for interval in [Duration::ZERO, Duration::from_millis(49), Duration::from_secs(61)] {
            let error = TickGenerator::new("a", interval).unwrap_err();
            assert!(error.problems()[0].allowed.contains("50 ms to 60 s"), "{error}");
        }
    }
}
