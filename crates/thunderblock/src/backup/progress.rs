//! How far long work has come, and telling it to stop.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use serde::Serialize;
use thunderline_core::{Error, Result};
use uuid::Uuid;

/// How far something has come. Shared between who works and who looks.
#[derive(Debug, Default)]
pub struct Progress {
    phase: Mutex<&'static str>,
    done: AtomicU64,
    total: AtomicU64,
    cancelled: AtomicBool,
}

/// What is seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// What is being done.
    pub phase: &'static str,
    /// Bytes so far.
    pub done: u64,
    /// Bytes in all; 0 while that is unknown.
    pub total: u64,
}

impl Progress {
    /// How far it is.
    #[must_use]
    pub fn seen(&self) -> Seen {
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        Seen { phase, done: self.done.load(Relaxed), total: self.total.load(Relaxed) }
    }

    /// Asks it to stop at the next opportunity.
    pub fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }

    pub(super) fn begin(&self, phase: &'static str, total: u64) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        self.done.store(0, Relaxed);
        self.total.store(total, Relaxed);
    }

    /// Counts bytes.
    ///
    /// # Errors
    /// `unavailable` where it was asked to stop.
    pub(super) fn add(&self, bytes: u64) -> Result<()> {
        self.done.fetch_add(bytes, Relaxed);
        if self.cancelled.load(Relaxed) {
            return Err(Error::unavailable("it was stopped before its end"));
        }
        Ok(())
    }
}

/// Stops the work where whoever waits for it goes away: threads cannot be ended from outside.
pub(super) struct CancelOnDrop(pub(super) Arc<Progress>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// The backup that this process is making: one at a time.
#[derive(Clone, Debug, Default)]
pub struct Underway(Arc<Mutex<Slot>>);

type Slot = Option<(Uuid, Arc<Progress>)>;

/// Held while a backup is being made.
pub(super) struct Turn(Underway);

impl Underway {
    /// How far this backup is, if it is the one.
    #[must_use]
    pub fn seen(&self, id: Uuid) -> Option<Seen> {
        let slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.as_ref().filter(|(underway, _)| *underway == id).map(|(_, progress)| progress.seen())
    }

    pub(super) fn take(&self, id: Uuid, progress: &Arc<Progress>) -> Result<Turn> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return Err(Error::unavailable("another backup is being made"));
        }
        *slot = Some((id, progress.clone()));
        Ok(Turn(self.clone()))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
