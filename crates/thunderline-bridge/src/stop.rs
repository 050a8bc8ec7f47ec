//! The wish to end, and the place where everything that waits is woken.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// A stop signal. Clones are the same signal.
#[derive(Clone, Default)]
pub struct Stop(Arc<Shared>);

#[derive(Default)]
struct Shared {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// A signal that was not given yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal. Programs that run under it are killed; what else waits for it wakes up.
    pub fn stop(&self) {
        *self.lock() = true;
        self.0.changed.notify_all();
    }

    /// Whether the signal was given.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.lock()
    }

    /// Waits this long; returns early, with true, where the signal is given.
    pub fn wait(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        self.wait_until(Some(deadline), || None::<()>);
        self.is_stopped()
    }

    /// Wakes those who wait in [`Self::wait_for`].
    pub fn wake(&self) {
        // Taking the lock keeps the wake-up from falling between another thread's look and its sleep.
        drop(self.lock());
        self.0.changed.notify_all();
    }

    /// Waits until there is a value; `None` where the signal is given first. Whoever makes the value calls [`Self::wake`].
    pub fn wait_for<T>(&self, ready: impl FnMut() -> Option<T>) -> Option<T> {
        self.wait_until(None, ready)
    }

    fn wait_until<T>(&self, deadline: Option<Instant>, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
        let mut stopped = self.lock();
        while !*stopped {
            if let Some(value) = ready() {
                return Some(value);
            }
            stopped = match deadline {
                None => self.0.changed.wait(stopped).expect("nobody panics while holding the signal"),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return None;
                    }
                    let woken = self.0.changed.wait_timeout(stopped, left);
                    woken.expect("nobody panics while holding the signal").0
                }
            };
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.stopped.lock().expect("nobody panics while holding the signal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_ends_every_wait() {
        let stop = Stop::new();
        assert!(!stop.wait(Duration::from_millis(1)));
        let waiting = std::thread::spawn({
            let stop = stop.clone();
            move || (stop.wait_for(|| None::<()>), stop.wait(Duration::from_secs(600)))
        });
        stop.stop();
        assert_eq!(waiting.join().unwrap(), (None, true));
    }

    #[test]
    fn a_value_ends_the_wait_for_it() {
        let stop = Stop::new();
        let slot = Arc::new(Mutex::new(None));
        std::thread::spawn({
            let (stop, slot) = (stop.clone(), slot.clone());
            move || {
                *slot.lock().unwrap() = Some(7);
                stop.wake();
            }
        });
        assert_eq!(stop.wait_for(|| slot.lock().unwrap().take()), Some(7));
    }
}
