//! Waiting for a server that is away.

use std::time::Duration;

use thunderline_core::Cx;

use crate::{
    channel::{CallError, CallResult},
    stop::Stop,
};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// How long to wait before the next try: doubling from 0.1 s to 5 s, of which a random half is taken off, so that the
/// clients of a server that comes back do not all call at once. `random` is uniform over all numbers.
pub(crate) fn delay(tries: u32, random: u64) -> Duration {
    let full = FIRST.saturating_mul(1 << tries.min(16)).min(LONGEST);
    let share = 0.5 + 0.5 * (random >> 11) as f64 / (1u64 << 53) as f64;
    full.mul_f64(share)
}

/// Calls until the server answers, for ever; only the stop signal ends it.
pub(crate) fn until_answered<T>(
    cx: &Cx,
    stop: &Stop,
    mut call: impl FnMut() -> CallResult<T>,
) -> CallResult<T> {
    let mut tries = 0;
    loop {
        if stop.is_stopped() {
            return Err(CallError::Stopped);
        }
        match call() {
            Err(CallError::Away(why)) => {
                let delay = delay(tries, cx.random_u64());
                if tries == 0 || tries % 20 == 10 {
                    tracing::warn!(%why, "the server is away; trying again");
                }
                tries = tries.saturating_add(1);
                if stop.wait(delay) {
                    return Err(CallError::Stopped);
                }
            }
            answer => {
                if tries > 0 {
                    tracing::info!(tries, "the server is back");
                }
                return answer;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_five_seconds() {
        for (tries, longest) in [(0, 100), (1, 200), (5, 3200), (6, 5000), (40, 5000)] {
            assert_eq!(delay(tries, 0), Duration::from_millis(longest / 2));
            let most = delay(tries, u64::MAX);
            assert!(
                most > Duration::from_millis(longest * 99 / 100) && most <= Duration::from_millis(longest)
            );
        }
    }
}
