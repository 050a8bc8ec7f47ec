//! How many bytes of bodies may be in memory at once, over all connections and both transports: of answers, of requests that
//! are coming, and of requests that are dealt with, each with an allowance of its own (see [`spool`](crate::spool)).

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Below this a body costs nothing: taking turns for it would be slower than holding it.
pub(crate) const FREE: usize = 16 * 1024;
const UNIT: usize = 1024;

/// The allowance. Whoever wants to hold bytes waits for its turn, first come, first served. Cheap to clone.
///
/// Nobody waits for a second share while holding a first one, so that waiting always ends.
#[derive(Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    total: u32,
}

/// A share of the allowance; given back when dropped.
pub(crate) struct Share(#[expect(dead_code, reason = "held for its drop")] Option<OwnedSemaphorePermit>);

impl Share {
    /// Of nothing.
    pub(crate) fn none() -> Self {
        Self(None)
    }
}

impl Budget {
    /// An allowance of about `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        let total = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).max(1);
        Self { units: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// Waits for room for `bytes`. What is larger than the whole allowance gets all of it.
    pub(crate) async fn take(&self, bytes: usize) -> Share {
        if bytes <= FREE {
            return Share(None);
        }
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.total);
        let permit = self.units.clone().acquire_many_owned(units).await;
        Share(Some(permit.expect("the semaphore is never closed")))
    }

    /// The same for whoever does not wait: nothing where not all of it is free.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<Share> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        Some(Share(Some(self.units.clone().try_acquire_many_owned(units).ok()?)))
    }

    #[cfg(test)]
    pub(crate) fn available(&self) -> usize {
        self.units.available_permits() * UNIT
    }
}

/// Bytes that give their share back when the last of them is gone: after they were written to the socket, not when they
/// were handed over for writing.
pub(crate) fn held(bytes: Vec<u8>, share: Share) -> Bytes {
    struct Held {
        bytes: Vec<u8>,
        _share: Share,
    }
    impl AsRef<[u8]> for Held {
        fn as_ref(&self) -> &[u8] {
            &self.bytes
        }
    }
    Bytes::from_owner(Held { bytes, _share: share })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    #[tokio::test]
    async fn shares_are_given_back_with_the_last_byte() {
        let budget = Budget::new(100 * 1024);
        let bytes = held(vec![7; 60 * 1024], budget.take(60 * 1024).await);
        assert_eq!(budget.available(), 40 * 1024);
        let part = bytes.slice(10..20);
        drop(bytes);
        assert_eq!(budget.available(), 40 * 1024);
        drop(part);
        assert_eq!(budget.available(), 100 * 1024);
    }

    #[tokio::test]
    async fn who_finds_no_room_waits_and_small_bodies_pass() {
        let budget = Budget::new(100 * 1024);
        let first = budget.take(1 << 30).await;
        let mut second = pin!(budget.take(50 * 1024));
        assert!(futures::poll!(&mut second).is_pending());
        let _small = budget.take(FREE).await;
        drop(first);
        assert!(futures::poll!(&mut second).is_ready());
    }
}
