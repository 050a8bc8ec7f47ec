//! One object of a reply.

use std::sync::Arc;

use bytes::Bytes;
use federation::actions::read;
use thunderline_core::Result;
use thunderline_flower::{ObjectId, wire};

use super::own;
use crate::{
    Fleet,
    answer::Answer,
    fleet::Node,
    upload::{self, Found, Stored, Upload},
};

/// Keeps an object that was announced and is what its id says. Sending it again is harmless.
pub(super) async fn push_object(
    fleet: &Fleet,
    node: &Node,
    request: wire::PushObjectRequest,
) -> Result<Answer> {
    own(fleet, node, request.node.as_ref()).await?;
    let Ok(id) = request.object_id.parse::<ObjectId>() else { return answer(false) };
    let Some(message) = answered(fleet, node, &request.session_id).await? else { return answer(false) };
    match upload::find(fleet, node, &message).await? {
        Found::Upload(upload) => answer(store(fleet, node, &upload, id, request.object_content).await?),
        // The answer to the last object was lost on its way.
        Found::Counted => answer(true),
        Found::Nothing => answer(false),
    }
}

/// False makes the client drop its reply and go on.
fn answer(stored: bool) -> Result<Answer> {
    Ok(Answer::message(&wire::PushObjectResponse { stored }))
}

async fn store(
    fleet: &Fleet,
    node: &Node,
    upload: &Arc<Upload>,
    id: ObjectId,
    content: Bytes,
) -> Result<bool> {
    match upload.store(id, content).await? {
        Stored::More => Ok(true),
        Stored::Last => upload::complete(fleet, node, upload).await.map(|()| true),
        Stored::Refused(reason) => {
            tracing::info!(node = %node.id, lease = %upload.lease, reason, "an uploaded object was refused");
            Ok(false)
        }
        Stored::TooMuch => {
            upload::give_up(fleet, node, upload, upload::FAR_TOO_LARGE).await?;
            Ok(false)
        }
    }
}

/// The message that the object's reply answers. Early clients know no sessions: then the node's one task is meant.
async fn answered(fleet: &Fleet, node: &Node, session: &str) -> Result<Option<String>> {
    if !session.is_empty() {
        return Ok(Some(session.to_owned()));
    }
    if let Some(upload) = fleet.uploads.get(node.id) {
        return Ok(Some(upload.announced.reply.reply_to.to_string()));
    }
    let Some(task) = read::next_task(&node.cx, &fleet.federations).await? else { return Ok(None) };
    Ok(Some(fleet.delivery(&task).await?.message.to_string()))
}
