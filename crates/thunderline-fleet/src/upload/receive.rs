//! Taking in an announced reply's objects.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use federation::{Lease, actions::read};
use thunderline_core::{LeaseId, Result};
use thunderline_flower::ObjectId;
use thunderline_objects::{Area, Sha256};

use super::{Announced, exchange_reply};
use crate::{Fleet, blocking::blocking, fleet::Node};

/// How much an update may be larger than twice the model: metrics, and the descriptions of many small arrays.
const EXTRA: u64 = 16 * 1024 * 1024;

pub(super) const NOT_ANNOUNCED: &str = "it was not announced";
pub(super) const OTHER_BYTES: &str = "it is not what its id says";

/// An upload in progress.
pub(crate) struct Upload {
    /// The lease whose reply it is.
    pub(crate) lease: LeaseId,
    /// What was announced.
    pub(crate) announced: Announced,
    /// Where it is collected.
    pub(crate) area: Area,
    /// Whether it says something in an exchange of a masked round: then nothing of an array is taken.
    pub(crate) masked: bool,
    /// Held while the reply is read and handed on; true when that is done.
    pub(crate) finished: tokio::sync::Mutex<bool>,
    missing: Mutex<HashSet<ObjectId>>,
    pub(super) wanted: HashSet<ObjectId>,
    left: AtomicU64,
}

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// It is kept, and others are missing.
    More,
    /// It is kept, and none is missing.
    Last,
    /// It is not what was announced.
    Refused(&'static str),
    /// It is of an update, in a round that takes masked ones only.
    Open,
    /// The reply takes more room than any honest one.
    TooMuch,
}

impl Upload {
    /// Looks which objects are there already: after a restart, or because another node sent the same.
    ///
    /// Of one reply there is one upload: two that count what is missing could each miss what the other took in. What a lease
    /// may upload is not more where another reply to it is announced.
    ///
    /// # Errors
    /// Those of the domain.
    pub(crate) async fn open(
        fleet: &Fleet,
        node: &Node,
        lease: &Lease,
        announced: Announced,
    ) -> Result<Arc<Self>> {
        let task = read::task(&node.cx, &fleet.federations, lease.id).await?;
        let area = fleet.federations.objects.area(&task.uploads)?;
        let checkpoints = fleet.federations.objects.checkpoints()?;
        let (lease, masked) = (lease.id, task.turn.is_some());
        let before = fleet.uploads.get(node.id).filter(|before| before.lease == lease);
        let left = before.map(|before| before.left.load(Ordering::Relaxed));
        let opening = blocking(move || {
            // From now on a missing folder means that the round is over.
            std::fs::create_dir_all(area.folder())?;
            let model = checkpoints.length(&task.model)?;
            let wanted: HashSet<_> = announced.objects.iter().copied().collect();
            let missing = wanted.iter().filter(|id| !area.contains(&digest(id))).copied().collect();
            Ok(Arc::new(Self {
                lease,
                announced,
                area,
                masked,
                finished: tokio::sync::Mutex::new(false),
                missing: Mutex::new(missing),
                wanted,
                left: AtomicU64::new(left.unwrap_or(2 * model + EXTRA)),
            }))
        });
        let upload: Arc<Self> = opening.await?;
        let same = |known: &Self| known.lease == upload.lease && known.announced == upload.announced;
        Ok(fleet.uploads.get_or_put(node.id, upload.clone(), same))
    }

    pub(super) fn still_missing(&self) -> std::sync::MutexGuard<'_, HashSet<ObjectId>> {
        self.missing.lock().expect("no code panics while holding the set")
    }

    /// The objects that are still to come, in the order of the announcement.
    pub(crate) fn missing(&self) -> Vec<ObjectId> {
        let missing = self.still_missing();
        self.announced.objects.iter().filter(|id| missing.contains(id)).copied().collect()
    }

    /// Keeps an object.
    ///
    /// # Errors
    /// `internal` where it cannot be written.
    pub(crate) async fn store(self: &Arc<Self>, id: ObjectId, content: Bytes) -> Result<Stored> {
        if !self.wanted.contains(&id) {
            return Ok(Stored::Refused(NOT_ANNOUNCED));
        }
        let upload = self.clone();
        blocking(move || {
            let missing = upload.still_missing().contains(&id);
            if missing {
                if ObjectId::of(&content) != id {
                    return Ok(Stored::Refused(OTHER_BYTES));
                }
                if upload.masked && !exchange_reply::may_be_kept(&content) {
                    return Ok(Stored::Open);
                }
                if !upload.pay(content.len() as u64) {
                    return Ok(Stored::TooMuch);
                }
                upload.area.put_checked(digest(&id), &content)?;
            }
            Ok(upload.kept(&id))
        })
        .await
    }

    /// Takes so many bytes off what the reply may have; false where it has had its share.
    pub(super) fn pay(&self, length: u64) -> bool {
        let less = |left: u64| left.checked_sub(length);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// The object is stored.
    pub(super) fn kept(&self, id: &ObjectId) -> Stored {
        let mut missing = self.still_missing();
        missing.remove(id);
        if missing.is_empty() { Stored::Last } else { Stored::More }
    }
}

/// An object's id is the digest of its bytes, so it is also its name in the store.
pub(super) fn digest(id: &ObjectId) -> Sha256 {
    id.0
}
