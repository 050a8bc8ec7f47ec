//! The sign of life, beside the work.

use std::time::Duration;

use crate::{channel::CallError, fleet::Fleet, stop::Stop};

/// Share of the promised interval after which the next one is sent, so that one that is lost does no harm.
const SHARE: f64 = 0.4;

/// Sends heartbeats on a thread of its own until `ended`. The thread is not waited for: it may be within a call.
pub(crate) fn start(fleet: Fleet, interval: f64, ended: Stop) {
    std::thread::spawn(move || {
        while !ended.wait(Duration::from_secs_f64(interval * SHARE)) {
            match fleet.heartbeat(interval) {
                Ok(true) => {}
                Ok(false) => tracing::warn!("the server does not accept the heartbeat"),
                // What is wrong with the server is found, and acted upon, by the calls that do the work.
                Err(CallError::Stopped) => return,
                Err(error) => tracing::debug!(%error, "no heartbeat"),
            }
        }
    });
}
