//! One object of a reply.

use std::sync::Arc;

use federation::actions::read::{self, Expected};
use thunderline_core::Result;
use thunderline_flower::{ObjectId, wire};

use super::own;
use crate::{
    Fleet,
    answer::Answer,
    fleet::Node,
    publish::Delivery,
    upload::{self, Announced, Stored, Upload},
};

/// Keeps an object that was announced and is what its id says. Sending it again is harmless.
pub(super) async fn push_object(
    fleet: &Fleet,
    node: &Node,
    request: wire::PushObjectRequest,
) -> Result<Answer> {
    own(fleet, node, request.node.as_ref()).await?;
    // False makes the client drop its reply and go on.
    let mut stored = false;
    if let Ok(id) = request.object_id.parse::<ObjectId>()
        && let Some(upload) = find(fleet, node, &request.session_id).await?
    {
        match upload.store(id, request.object_content).await? {
            Stored::Refused(reason) => {
                tracing::info!(node = %node.id, lease = %upload.lease, reason, "an uploaded object was refused");
            }
            Stored::TooMuch => {
                upload::give_up(fleet, node, &upload, "the update is far larger than the model").await?;
            }
            Stored::More => stored = true,
            Stored::Last => {
                upload::complete(fleet, node, &upload).await?;
                stored = true;
            }
        }
    }
    Ok(Answer::message(&wire::PushObjectResponse { stored }))
}

/// The upload that the node is in the middle of. After a restart nothing is remembered: then the announcement that the
/// domain kept says what is waited for.
async fn find(fleet: &Fleet, node: &Node, session: &str) -> Result<Option<Arc<Upload>>> {
    if let Some(upload) = fleet.uploads.get(node.id) {
        return Ok(Some(upload));
    }
    let message = if session.is_empty() {
        // Early clients know no sessions; the node's one task is meant.
        let Some(task) = read::next_task(&node.cx, &fleet.federations).await? else { return Ok(None) };
        Delivery::new(&task, fleet.models.get(task.model).await?).message.to_string()
    } else {
        session.to_owned()
    };
    let expected = read::expected_reply(&node.cx, &fleet.federations, &message).await?;
    let Expected::Open(lease) = expected else { return Ok(None) };
    let Some(announced) = lease.announced.as_deref().map(Announced::from_json).transpose()? else {
        return Ok(None);
    };
    let upload = Upload::open(fleet, node, &lease, announced).await?;
    fleet.uploads.put(node.id, &upload);
    Ok(Some(upload))
}
