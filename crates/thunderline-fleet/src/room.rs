//! How many bytes of request bodies may be in memory at once, of those that are still coming and those being dealt with.
//!
//! A body takes what it needs in steps, as its bytes come: what a client only states costs nothing, so one that stalls
//! holds back nobody. Bodies that each hold a part must not wait for each other for ever. So a body takes a step only
//! while **all** that it still lacks is free, though it does not get all of it. Then there is always one that can go on to
//! its end, by induction: whoever takes a step can take the rest too, and once it is gone, the others have what they had
//! before, and its bytes besides. That its end does come is seen to by a least rate ([`pace`](crate::pace)).
//!
//! The bodies of one node have at most half of the room together, its share, by the same rule: however many requests it
//! begins, and however slowly it sends them, the other half is for others. Half, because that is the least in which an
//! object of a Flower client (5 MiB) fits. A node is known by the key that signed the request, before a byte of the body is
//! read; its address is not looked at, which behind a proxy all nodes have in common. So somebody who makes many keys has
//! many shares.
//!
//! A body that is larger than a share (some announcements and records are) has what exceeds it on loan: where another node
//! has waited for room for 20 s, the loans are called, and those requests end with 'try again'.
//!
//! Deliberately absent: turns in order of age. The oldest may be one that stalls. A body that wants nearly all of the room
//! waits until the others are gone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use thunderline_core::NodeId;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::pace::PATIENCE;

/// Below this a body costs nothing: counting it would be slower than holding it.
const FREE: usize = 16 * 1024;
/// What is taken at once.
const STEP: usize = 64 * 1024;

/// The allowance. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Room(Arc<Inner>);

struct Inner {
    total: usize,
    /// The most that the bodies of one node have.
    share: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

struct Taken {
    free: usize,
    /// By the nodes that have something: loans are not counted.
    nodes: HashMap<NodeId, usize>,
    /// Calls the loans of now.
    loans: CancellationToken,
}

/// A body's part of the room; given back when dropped.
pub(crate) struct Place {
    room: Arc<Inner>,
    node: NodeId,
    /// The most that the body can come to need.
    most: usize,
    held: usize,
    /// Where it holds more than a share.
    loan: Option<CancellationToken>,
}

impl Room {
    /// An allowance of so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let total = bytes.max(1);
        let taken = Taken { free: total, nodes: HashMap::new(), loans: CancellationToken::new() };
        let share = total.div_ceil(2);
        Self(Arc::new(Inner { total, share, taken: Mutex::new(taken), freed: Notify::new() }))
    }

    /// A place for a body of at most `most` bytes that a node sends. It has nothing yet. A body that is larger than the whole
    /// room counts as if it were as large.
    pub(crate) fn enter(&self, node: NodeId, most: usize) -> Place {
        Place { room: self.0.clone(), node, most: most.min(self.0.total), held: 0, loan: None }
    }

    #[cfg(test)]
    pub(crate) fn available(&self) -> usize {
        let taken = self.0.taken();
        let shares: usize = taken.nodes.values().sum();
        assert!(taken.free + shares <= self.0.total && taken.nodes.values().all(|held| *held > 0));
        taken.free
    }
}

impl Inner {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().expect("no code panics while holding the counts")
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
        let mut patience = Some(Instant::now() + PATIENCE);
        loop {
            // Before looking, so that what is given back in between is noticed.
            let freed = room.freed.notified();
            let within = {
                let mut taken = room.taken();
                let within = self.is_within_share(&taken);
                if within && self.most - self.held <= taken.free {
                    self.take(&mut taken, to);
                    return;
                }
                within
            };
            let Some(until) = patience.filter(|_| within && self.most <= room.share) else {
                freed.await;
                continue;
            };
            if tokio::time::timeout_at(until, freed).await.is_err() {
                patience = None;
                std::mem::take(&mut room.taken().loans).cancel();
            }
        }
    }

    /// Waits until others need what the body has on loan; for ever where it has nothing.
    pub(crate) async fn called(&self) {
        match &self.loan {
            Some(loan) => loan.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Whether all that the body still lacks is free in its node's share. Of a body that is larger, the share is all that counts.
    fn is_within_share(&self, taken: &Taken) -> bool {
        let share = self.room.share;
        let of_node = taken.nodes.get(&self.node).copied().unwrap_or(0);
        of_node - self.held.min(share) + self.most.min(share) <= share
    }

    fn take(&mut self, taken: &mut Taken, to: usize) {
        let share = self.room.share;
        taken.free -= to - self.held;
        *taken.nodes.entry(self.node).or_default() += to.min(share) - self.held.min(share);
        if to > share && self.loan.is_none() {
            self.loan = Some(taken.loans.clone());
        }
        self.held = to;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.held == 0 {
            return;
        }
        let mut taken = self.room.taken();
        taken.free += self.held;
        let of_node = taken.nodes.entry(self.node).or_default();
        *of_node -= self.held.min(self.room.share);
        if *of_node == 0 {
            taken.nodes.remove(&self.node);
        }
        drop(taken);
        self.room.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
