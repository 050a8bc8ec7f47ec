//! Long work of this process, shown while it goes on.

use std::{sync::Arc, time::Duration};

use thunderblock::backup::Progress;
use tokio::time::interval;

use crate::output::{Format, live::Live, numbers::bytes};

/// How often it is drawn.
const DRAW: Duration = Duration::from_millis(200);

/// Waits for the work and draws how far it is, where somebody looks.
pub async fn watched<T>(format: Format, progress: &Arc<Progress>, work: impl Future<Output = T>) -> T {
    let mut live = live(format);
    let (mut work, mut ticks) = (std::pin::pin!(work), interval(DRAW));
    loop {
        tokio::select! {
            done = &mut work => {
                live.clear();
                return done;
            }
            _ = ticks.tick() => {
                let seen = progress.seen();
                live.draw(&[line(seen.phase, seen.done, seen.total)]);
            }
        }
    }
}

/// Draws for people on a terminal only.
pub fn live(format: Format) -> Live {
    if format == Format::Human { Live::stdout() } else { Live::silent() }
}

/// One line: what is done, and how much of it.
pub fn line(phase: &str, done: u64, total: u64) -> String {
    match total {
        0 => format!("{phase} …"),
        total => {
            let percent = 100.0 * done as f64 / total as f64;
            format!("{phase}: {} of {} ({percent:.0} %)", bytes(done), bytes(total))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_that_is_unknown_is_not_invented() {
        assert_eq!(line("copying", 5, 0), "copying …");
        assert_eq!(line("copying", 500, 2_000), "copying: 500 B of 2.0 kB (25 %)");
    }
}
