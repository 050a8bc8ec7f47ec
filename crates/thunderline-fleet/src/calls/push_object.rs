//! One object of a reply.

use std::sync::Arc;

use bytes::Bytes;
use federation::{
    actions::read::{self, Expected},
    task,
};
use thunderline_core::Result;
use thunderline_flower::{ObjectId, wire};

use super::own;
use crate::{
    Fleet,
    answer::Answer,
    fleet::Node,
    upload::{self, Announced, Stored, Upload},
};

/// Keeps an object that was announced and is what its id says. Sending it again is harmless.
pub(super) async fn push_object(
    fleet: &Fleet,
    node: &Node,
    request: wire::PushObjectRequest,
) -> Result<Answer> {
    own(fleet, node, request.node.as_ref()).await?;
    let Ok(id) = request.object_id.parse::<ObjectId>() else { return answer(false) };
    match find(fleet, node, &request.session_id).await? {
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
        Stored::Open => {
            // Refused as what it is, before any of it is kept.
            upload::refuse(fleet, node, upload, task::Reply::default()).await?;
            Ok(false)
        }
        Stored::TooMuch => {
            let reason = "the update is far larger than the model".to_owned();
            let reply = task::Reply { error: Some(reason), ..task::Reply::default() };
            upload::refuse(fleet, node, upload, reply).await?;
            Ok(false)
        }
    }
}

enum Found {
    Upload(Arc<Upload>),
    Counted,
    Nothing,
}

/// The upload that the node is in the middle of. After a restart nothing is remembered: then the announcement that the
/// domain kept says what is waited for.
async fn find(fleet: &Fleet, node: &Node, session: &str) -> Result<Found> {
    // Where the area is gone, so is the round, most likely: then the domain is asked, or late objects would pile up.
    if let Some(upload) = fleet.uploads.get(node.id).filter(|upload| upload.area.folder().is_dir()) {
        return Ok(Found::Upload(upload));
    }
    let message = if session.is_empty() {
        // Early clients know no sessions; the node's one task is meant.
        let Some(task) = read::next_task(&node.cx, &fleet.federations).await? else {
            return Ok(Found::Nothing);
        };
        fleet.delivery(node, &task).await?.message.to_string()
    } else {
        session.to_owned()
    };
    let lease = match read::expected_reply(&node.cx, &fleet.federations, &message).await? {
        Expected::Open(lease) => lease,
        Expected::Repeated(_) => return Ok(Found::Counted),
        Expected::Late(_) | Expected::Unknown => return Ok(Found::Nothing),
    };
    let Some(announced) = lease.announced.as_deref().map(Announced::from_json).transpose()? else {
        return Ok(Found::Nothing);
    };
    let upload = Upload::open(fleet, node, &lease, announced).await?;
    Ok(Found::Upload(upload))
}
