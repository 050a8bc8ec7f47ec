//! One object of a message.

use std::sync::Arc;

use federation::actions::read;
use thunderline_core::Result;
use thunderline_flower::{ObjectId, wire};

use super::own;
use crate::{
    Fleet,
    answer::{Answer, Piece},
    fleet::Node,
};

/// A node may have the objects of its own task, and no others.
pub(super) async fn pull_object(
    fleet: &Fleet,
    node: &Node,
    request: &wire::PullObjectRequest,
) -> Result<Answer> {
    own(fleet, node, request.node.as_ref()).await?;
    let content = match request.object_id.parse::<ObjectId>() {
        Ok(id) => find(fleet, node, &id).await?,
        Err(_) => None,
    };
    // 'Not found' rather than an error: the client drops the message and pulls again.
    let found = content.is_some();
    let head =
        wire::PullObjectResponse { object_found: found, object_available: found, ..Default::default() };
    let answer = Answer::message(&head);
    Ok(match content {
        Some(content) => answer.and(Answer::field(3, content)),
        None => answer,
    })
}

async fn find(fleet: &Fleet, node: &Node, id: &ObjectId) -> Result<Option<Vec<Piece>>> {
    if let Some(content) = fleet.deliveries.get(node.id).and_then(|delivery| delivery.object(id)) {
        return Ok(Some(content));
    }
    // After a restart nothing is remembered; the task is put together again, the same to the last byte.
    let Some(task) = read::next_task(&node.cx, &fleet.federations).await? else { return Ok(None) };
    let delivery = Arc::new(fleet.delivery(node, &task).await?);
    fleet.remember(node.id, &delivery);
    Ok(delivery.object(id))
}
