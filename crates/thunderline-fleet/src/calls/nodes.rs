//! Coming, staying, going.

use thunderline_core::Result;
use thunderline_flower::wire;
use thunderlink::{
    activate::{self, Profile},
    leave::{self, Departure},
};

use super::own;
use crate::{Fleet, answer::Answer, caller, fleet::Node};

/// Only tells the node its id: being known begins with activation.
pub(super) fn register(node: &Node, request: &wire::RegisterNodeFleetRequest) -> Result<Answer> {
    caller::is_own_key(&node.key, &request.public_key)?;
    Ok(Answer::message(&wire::RegisterNodeFleetResponse { node_id: node.id.get() }))
}

pub(super) async fn activate(
    fleet: &Fleet,
    node: &Node,
    request: &wire::ActivateNodeRequest,
) -> Result<Answer> {
    caller::is_own_key(&node.key, &request.public_key)?;
    let profile = Profile {
        public_key: node.key.pem(),
        heartbeat_seconds: Some(request.heartbeat_interval).filter(|seconds| *seconds > 0.0),
        transport: node.heard.transport,
        ..Profile::default()
    };
    activate::activate(&node.cx, &fleet.links, profile).await?;
    fleet.forget(node.id);
    Ok(Answer::message(&wire::ActivateNodeResponse { node_id: node.id.get() }))
}

pub(super) async fn heartbeat(
    fleet: &Fleet,
    node: &Node,
    request: &wire::SendNodeHeartbeatRequest,
) -> Result<Answer> {
    own(fleet, node, request.node.as_ref()).await?;
    Ok(Answer::message(&wire::SendNodeHeartbeatResponse { success: true }))
}

pub(super) async fn leave(fleet: &Fleet, node: &Node, claimed: u64, for_good: bool) -> Result<Answer> {
    caller::is_own(node.id, claimed)?;
    let departure = if for_good { Departure::Unregistered } else { Departure::Deactivated };
    leave::leave(&node.cx, &fleet.links, node.id, departure).await?;
    fleet.forget(node.id);
    Ok(Answer::default())
}
