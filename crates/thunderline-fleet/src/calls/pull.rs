//! Is there work?

use std::sync::Arc;

use federation::actions::{claim_lease::claim_lease, node_key, read};
use thunderline_core::{ErrorKind, Result};
use thunderline_flower::wire;
use tokio::time::Instant;

use super::own;
use crate::{Fleet, answer::Answer, fleet::Node, publish::Delivery};

/// Answers with a task, at once or when there is one; with nothing when the client has waited long enough.
///
/// A client never pulls while it works (docs/fleet-api.md). So one that pulls although it has a task has lost it, and gets
/// the same message again; how often is for the domain to bound.
pub(super) async fn pull(fleet: &Fleet, node: &Node, request: &wire::PullMessagesRequest) -> Result<Answer> {
    Box::pin(own(fleet, node, request.node.as_ref())).await?;
    let until = Instant::now() + fleet.config.hold;
    loop {
        // Before looking, so that work which appears in between is noticed.
        let waiter = fleet.federations.db.signals().waiter(&node_key(node.id));
        // Apart: it is over before the wait begins, and what it needs is not kept through it.
        if let Some(delivery) = Box::pin(next(fleet, node)).await? {
            let (message, tree) = delivery.to_wire()?;
            return Ok(Answer::message(&wire::PullMessagesResponse {
                reconnect: None,
                messages_list: vec![message],
                message_object_trees: vec![tree],
            }));
        }
        let recheck = until.min(Instant::now() + fleet.config.recheck);
        tokio::select! {
            () = fleet.stop.cancelled() => return Ok(Answer::default()),
            () = waiter.wait() => {}
            () = tokio::time::sleep_until(recheck) => {}
        }
        if Instant::now() >= until {
            return Ok(Answer::default());
        }
    }
}

/// The node's next task, now claimed; none as well where the domain has just ended it.
async fn next(fleet: &Fleet, node: &Node) -> Result<Option<Arc<Delivery>>> {
    let task = read::next_task(&node.cx, &fleet.federations).await?;
    // A node that was shut out meanwhile gets nothing more.
    fleet.links.admit(node.id)?;
    let Some(task) = task else { return Ok(None) };
    let delivery = Arc::new(fleet.delivery(node, &task).await?);
    let message = delivery.message.to_string();
    match claim_lease(&node.cx, &fleet.federations, task.lease, &message).await {
        Ok(_lease) => {
            fleet.uploads.remove(node.id);
            fleet.remember(node.id, &delivery);
            Ok(Some(delivery))
        }
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
        Err(error) => Err(error),
    }
}
