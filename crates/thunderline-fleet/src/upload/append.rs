//! Objects that come in pieces, and go on where they stopped.

use std::sync::Arc;

use serde::Serialize;
use thunderline_core::{ErrorKind, Result};
use thunderline_flower::ObjectId;
use thunderline_objects::{Area, Partial};

use super::{
    Stored, Upload,
    receive::{NOT_ANNOUNCED, OTHER_BYTES, digest},
};
use crate::blocking::blocking;

/// How far an upload is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    /// Objects that are not complete.
    pub(crate) missing: usize,
    /// The one of them of which some bytes are there.
    pub(crate) partial: Option<Received>,
}

/// What is there of an incomplete object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Received {
    pub(crate) object_id: String,
    /// Bytes.
    pub(crate) offset: u64,
}

/// Whether an object can be gone on with.
pub(crate) enum Begun {
    /// Yes: here.
    At(Box<Partial>),
    /// It is complete already; its bytes are not needed.
    There,
    /// Not at this offset.
    Elsewhere,
    /// It was not announced.
    Refused(&'static str),
}

impl Upload {
    /// How far it is, by what is on disk.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub(crate) async fn progress(self: &Arc<Self>) -> Result<Progress> {
        let upload = self.clone();
        blocking(move || {
            let partial = upload.area.partial(&upload.owner())?;
            let missing = upload.still_missing();
            let partial = partial.and_then(|(found, offset)| {
                let id = missing.iter().find(|id| digest(id) == found)?;
                Some(Received { object_id: id.to_string(), offset })
            });
            Ok(Progress { missing: missing.len(), partial })
        })
        .await
    }

    /// Goes on with an object that has `offset` bytes already.
    ///
    /// # Errors
    /// `conflict` where another request goes on with it; `internal` where the disk fails.
    pub(crate) async fn begin(self: &Arc<Self>, id: ObjectId, offset: u64) -> Result<Begun> {
        if !self.wanted.contains(&id) {
            return Ok(Begun::Refused(NOT_ANNOUNCED));
        }
        if self.masked {
            // Half an object cannot be told from an open update.
            return Ok(Begun::Refused("what is said in a masked round comes in whole objects"));
        }
        if !self.still_missing().contains(&id) {
            return Ok(Begun::There);
        }
        let (area, owner) = (self.area.clone(), self.owner());
        blocking(move || go_on(&area, &owner, id, offset)).await
    }

    /// Keeps an object of which all bytes are there.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub(crate) async fn keep(self: &Arc<Self>, id: ObjectId, partial: Partial) -> Result<Stored> {
        let upload = self.clone();
        blocking(move || {
            if !upload.pay(partial.length()) {
                return Ok(Stored::TooMuch);
            }
            match partial.finish() {
                Ok(()) => Ok(upload.kept(&id)),
                Err(error) if error.kind() == ErrorKind::Invalid => Ok(Stored::Refused(OTHER_BYTES)),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Whose incomplete object it is: another node has another lease.
    pub(super) fn owner(&self) -> String {
        self.lease.to_string()
    }
}

/// Goes on with an object of which `offset` bytes should be there. Blocking.
pub(super) fn go_on(area: &Area, owner: &str, id: ObjectId, offset: u64) -> Result<Begun> {
    let there = match area.partial(owner)? {
        Some((found, there)) if found == digest(&id) => there,
        _ => 0,
    };
    if there != offset {
        return Ok(Begun::Elsewhere);
    }
    // Nothing is added in between: the node has its turn.
    Ok(Begun::At(Box::new(area.resume(owner, &digest(&id))?)))
}
