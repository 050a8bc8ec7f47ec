//! What pieces are added to: a reply, or a masked update.

use std::{ops::RangeInclusive, sync::Arc};

use thunderline_core::{Error, ErrorKind, Result};
use thunderline_flower::{ObjectId, Rpc};
use thunderline_objects::Partial;

use crate::{
    Fleet,
    fleet::Node,
    receive,
    upload::{self, Begun, Found, MaskedUpdate, Progress, Stored, Upload},
};

/// Which of the two.
#[derive(Clone, Copy)]
pub(super) enum UploadKind {
    /// The objects of a reply, which was announced.
    Reply,
    /// What a runner says in `mask`, as one object.
    MaskedUpdate,
}

/// The calling node's.
pub(super) enum Target {
    Reply(Arc<Upload>),
    MaskedUpdate(MaskedUpdate),
}

impl Target {
    /// What the node sends for this message; none where its reply was counted already.
    pub(super) async fn find(
        fleet: &Fleet,
        node: &Node,
        kind: UploadKind,
        message: &str,
    ) -> Result<Option<Self>> {
        if matches!(kind, UploadKind::MaskedUpdate) {
            return Ok(Some(Self::MaskedUpdate(MaskedUpdate::open(fleet, node, message).await?)));
        }
        match upload::find(fleet, node, message).await? {
            Found::Upload(upload) => Ok(Some(Self::Reply(upload))),
            Found::Counted => Ok(None),
            Found::Nothing => Err(Error::forbidden("the node has announced no reply to this message")),
        }
    }

    /// How many bytes one object can have: what has more or fewer is refused at its head.
    pub(super) fn lengths(&self) -> RangeInclusive<u64> {
        match self {
            Self::Reply(_) => 1..=receive::limit(Rpc::PushObject) as u64,
            Self::MaskedUpdate(update) => update.lengths(),
        }
    }

    pub(super) async fn progress(&self) -> Result<Progress> {
        match self {
            Self::Reply(upload) => upload.progress().await,
            Self::MaskedUpdate(update) => update.progress().await,
        }
    }

    pub(super) async fn begin(&self, id: ObjectId, offset: u64) -> Result<Begun> {
        match self {
            Self::Reply(upload) => upload.begin(id, offset).await,
            Self::MaskedUpdate(update) => update.begin(id, offset).await,
        }
    }

    /// Keeps an object of which all bytes are there; hands on what is complete with it.
    pub(super) async fn keep(
        &mut self,
        fleet: &Fleet,
        node: &Node,
        id: ObjectId,
        partial: Partial,
    ) -> Result<()> {
        let upload = match self {
            Self::Reply(upload) => upload,
            Self::MaskedUpdate(update) => return update.hand_on(fleet, node, id, partial).await,
        };
        match upload.keep(id, partial).await? {
            Stored::More => Ok(()),
            Stored::Last => upload::complete(fleet, node, upload).await,
            Stored::Refused(reason) => Err(refused(id, reason)),
            Stored::Open => Err(Error::forbidden("the round takes masked updates only")),
            Stored::TooMuch => {
                upload::give_up(fleet, node, upload, upload::FAR_TOO_LARGE).await?;
                Err(Error::forbidden(upload::FAR_TOO_LARGE))
            }
        }
    }
}

pub(super) fn refused(id: ObjectId, reason: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("object {id}: {reason}"))
}
