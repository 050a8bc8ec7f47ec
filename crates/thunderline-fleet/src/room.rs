//! How many bytes of request bodies may be in memory at once, of those that are still coming and those being dealt with.
//!
//! A body takes what it needs in steps, as its bytes come: what a client only states costs nothing, so one that stalls
//! holds back nobody. Bodies that each hold a part must not wait for each other for ever. So a body takes a step only
//! while **all** that it still lacks is free, though it does not get all of it. Then there is always one that can go on to
//! its end, by induction: whoever takes a step can take the rest too, and once it is gone, the others have what they had
//! before, and its bytes besides. That its end does come is seen to by a least rate ([`pace`](crate::pace)).
//!
//! Deliberately absent: turns in order of age. The oldest may be one that stalls. A body that wants nearly all of the room
//! waits until the others are gone.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

/// Below this a body costs nothing: counting it would be slower than holding it.
const FREE: usize = 16 * 1024;
/// What is taken at once.
const STEP: usize = 64 * 1024;

/// The allowance. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Room(Arc<Inner>);

struct Inner {
    total: usize,
    free: Mutex<usize>,
    freed: Notify,
}

/// A body's part of the room; given back when dropped.
pub(crate) struct Place {
    room: Arc<Inner>,
    /// The most that the body can come to need.
    most: usize,
    held: usize,
}

impl Room {
    /// An allowance of so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let total = bytes.max(1);
        Self(Arc::new(Inner { total, free: Mutex::new(total), freed: Notify::new() }))
    }

    /// A place for a body of at most `most` bytes. It has nothing yet. A body that is larger than the whole room counts as
    /// if it were as large.
    pub(crate) fn enter(&self, most: usize) -> Place {
        Place { room: self.0.clone(), most: most.min(self.0.total), held: 0 }
    }

    #[cfg(test)]
    pub(crate) fn available(&self) -> usize {
        *self.0.free()
    }
}

impl Inner {
    fn free(&self) -> MutexGuard<'_, usize> {
        self.free.lock().expect("no code panics while holding the count")
    }
}

impl Place {
    /// Waits until so many bytes may be held in all.
    pub(crate) async fn grow(&mut self, to: usize) {
        if to <= FREE || to.min(self.most) <= self.held {
            return;
        }
        let to = to.next_multiple_of(STEP).min(self.most);
        let room = self.room.clone();
        loop {
            // Before looking, so that what is given back in between is noticed.
            let freed = room.freed.notified();
            {
                let mut free = room.free();
                if self.most - self.held <= *free {
                    *free -= to - self.held;
                    self.held = to;
                    return;
                }
            }
            freed.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.held > 0 {
            *self.room.free() += self.held;
            self.room.freed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    const KIB: usize = 1024;

    #[tokio::test]
    async fn a_body_holds_what_came_and_not_what_it_states() {
        let room = Room::new(1024 * KIB);
        let mut stalled = room.enter(usize::MAX);
        stalled.grow(FREE).await;
        assert_eq!(room.available(), 1024 * KIB);
        stalled.grow(FREE + 1).await;
        assert_eq!(room.available(), (1024 - 64) * KIB);
        let mut other = room.enter(900 * KIB);
        other.grow(900 * KIB).await;
        drop(other);
        drop(stalled);
        assert_eq!(room.available(), 1024 * KIB);
    }

    #[tokio::test]
    async fn a_step_is_taken_only_while_the_rest_of_the_body_is_free_too() {
        let room = Room::new(1024 * KIB);
        let (mut one, mut two) = (room.enter(1000 * KIB), room.enter(1000 * KIB));
        one.grow(128 * KIB).await;
        // There is room for this step, but the two would then wait for each other.
        let mut waiting = pin!(two.grow(128 * KIB));
        assert!(futures::poll!(&mut waiting).is_pending());
        one.grow(1000 * KIB).await;
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(one);
        assert!(futures::poll!(&mut waiting).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_bodies_grow_side_by_side_all_come_to_their_end() {
        let room = Room::new(1024 * KIB);
        let body = |number: usize| {
            let room = room.clone();
            async move {
                let most = [20, 100, 400, 700, 1000, 5000][number % 6] * KIB;
                let mut place = room.enter(most);
                for length in (0..=most).step_by(10 * KIB) {
                    place.grow(length).await;
                    tokio::task::yield_now().await;
                }
            }
        };
        let all = futures::future::join_all((0..60).map(body));
        // Paused: the time passes at once where all of them wait.
        tokio::time::timeout(std::time::Duration::from_secs(1), all).await.expect("nobody waits for ever");
        assert_eq!(room.available(), 1024 * KIB);
    }
}
