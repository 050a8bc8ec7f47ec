//! Whose turn it is to add to a node's upload.
//!
//! A connection that broke may look alive here for a while, with its request waiting for bytes that never come. The node's
//! next request must not wait for that: it interrupts the one before, of which what was received stays.

use std::sync::{Arc, Mutex};

use thunderline_core::NodeId;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use crate::Fleet;

/// The turns of one node.
#[derive(Default)]
pub(crate) struct Turns {
    last: Mutex<CancellationToken>,
    now: Arc<tokio::sync::Mutex<()>>,
}

/// Held while a request adds to the node's upload.
pub(crate) struct Turn {
    over: CancellationToken,
    _now: OwnedMutexGuard<()>,
}

impl Turn {
    /// Waits until another request wants it.
    pub(crate) async fn over(&self) {
        self.over.cancelled().await;
    }
}

impl Turns {
    /// A turn, once the request before this has stopped, as it is told to.
    pub(crate) async fn take(&self) -> Turn {
        let over = CancellationToken::new();
        let before = {
            let mut last = self.last.lock().expect("no code panics while holding the token");
            std::mem::replace(&mut *last, over.clone())
        };
        before.cancel();
        Turn { over, _now: self.now.clone().lock_owned().await }
    }
}

/// The node's turn.
pub(crate) async fn take(fleet: &Fleet, node: NodeId) -> Turn {
    fleet.turns.get_or_put(node, Arc::default(), |_| true).take().await
}
