//! Waiting for something to become true.

use std::{
    thread,
    time::{Duration, Instant},
};

/// How often is looked.
const LOOK: Duration = Duration::from_millis(25);

/// Seconds in which a machine with two cores that does other things as well gets through anything but long training.
pub const LONG: u64 = 240;

/// Looks until there is something to see.
///
/// # Panics
/// After `seconds`: far more than it can take on a slow machine.
pub fn wait_for<T>(what: &str, seconds: u64, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < Duration::from_secs(seconds), "waited {seconds} s in vain for {what}");
        thread::sleep(LOOK);
    }
}
