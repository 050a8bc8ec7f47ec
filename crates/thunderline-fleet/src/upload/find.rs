//! The upload that a node is in the middle of.

use std::sync::Arc;

use federation::actions::read::{self, Expected};
use thunderline_core::Result;

use super::{Announced, Upload};
use crate::{Fleet, fleet::Node};

/// What an object that comes in belongs to.
pub(crate) enum Found {
    /// This upload.
    Upload(Arc<Upload>),
    /// A reply that was taken already.
    Counted,
    /// Nothing that is awaited.
    Nothing,
}

/// The node's upload that answers this message. After a restart nothing is remembered: then the announcement that the domain
/// kept says what is waited for.
///
/// # Errors
/// Those of the domain.
pub(crate) async fn find(fleet: &Fleet, node: &Node, message: &str) -> Result<Found> {
    let answers = |upload: &Upload| upload.announced.reply.reply_to.to_string() == message;
    // Where the area is gone, so is the round, most likely: then the domain is asked, or late objects would pile up.
    let here = |upload: &Upload| upload.area.folder().is_dir();
    if let Some(upload) = fleet.uploads.get(node.id).filter(|upload| answers(upload) && here(upload)) {
        return Ok(Found::Upload(upload));
    }
    let lease = match read::expected_reply(&node.cx, &fleet.federations, message).await? {
        Expected::Open(lease) => lease,
        Expected::Repeated(_) => return Ok(Found::Counted),
        Expected::Late(_) | Expected::Unknown => return Ok(Found::Nothing),
    };
    let Some(announced) = lease.announced.as_deref().map(Announced::from_json).transpose()? else {
        return Ok(Found::Nothing);
    };
    Ok(Found::Upload(Upload::open(fleet, node, &lease, announced).await?))
}
