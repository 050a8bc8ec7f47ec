//! The twelve calls, free of any transport.

mod nodes;
mod pull;
mod pull_object;
mod push;
mod push_object;
mod run;

use bytes::Bytes;
use prost::Message;
use thunderline_core::{Error, Result};
use thunderline_flower::{Rpc, wire};

use crate::{Fleet, answer::Answer, caller, fleet::Node, spool::Received};

/// Answers a call whose signature was found to be right.
///
/// # Errors
/// Those of the domains; `invalid` for a message that cannot be read; `unauthenticated` where the message is of another
/// node than its signature.
pub(crate) async fn call(fleet: &Fleet, rpc: Rpc, node: Node, received: Received) -> Result<Answer> {
    // The share is held until the end of this function, and the answer asks for a share only afterwards: nobody waits
    // while holding.
    let Received { bytes, share: _share } = received;
    // What the calls need while they wait differs much. Thousands of pulls are held at a time, so all others, which are
    // short, are kept apart: a held pull is then as small as it can be.
    if rpc == Rpc::PullMessages {
        return pull::pull(fleet, &node, &decode(bytes)?).await;
    }
    Box::pin(any(fleet, rpc, &node, bytes)).await
}

async fn any(fleet: &Fleet, rpc: Rpc, node: &Node, bytes: Bytes) -> Result<Answer> {
    match rpc {
        Rpc::RegisterNode => nodes::register(node, &decode(bytes)?),
        Rpc::PullMessages => pull::pull(fleet, node, &decode(bytes)?).await,
        Rpc::ActivateNode => nodes::activate(fleet, node, &decode(bytes)?).await,
        Rpc::DeactivateNode => {
            let request: wire::DeactivateNodeRequest = decode(bytes)?;
            nodes::leave(fleet, node, request.node_id, false).await
        }
        Rpc::UnregisterNode => {
            let request: wire::UnregisterNodeFleetRequest = decode(bytes)?;
            nodes::leave(fleet, node, request.node_id, true).await
        }
        Rpc::SendNodeHeartbeat => nodes::heartbeat(fleet, node, &decode(bytes)?).await,
        Rpc::PushMessages => push::push(fleet, node, &decode(bytes)?).await,
        Rpc::GetRun => run::get_run(fleet, node, &decode(bytes)?).await,
        Rpc::GetFab => run::get_fab(fleet, node, &decode(bytes)?).await,
        Rpc::PullObject => pull_object::pull_object(fleet, node, &decode(bytes)?).await,
        Rpc::PushObject => push_object::push_object(fleet, node, decode(bytes)?).await,
        Rpc::ConfirmMessageReceived => {
            let request: wire::ConfirmMessageReceivedRequest = decode(bytes)?;
            own(fleet, node, request.node.as_ref()).await.map(|()| Answer::default())
        }
    }
}

fn decode<M: Message + Default>(bytes: Bytes) -> Result<M> {
    M::decode(bytes).map_err(|error| {
        let reason = format!("it is not the call's protobuf message: {error}");
        Error::invalid_value("request", reason, "one message")
    })
}

/// Checks whose request it is, and counts it as a sign of life.
async fn own(fleet: &Fleet, node: &Node, claimed: Option<&wire::Node>) -> Result<()> {
    caller::is_own(node.id, claimed.map_or(0, |claimed| claimed.node_id))?;
    fleet.seen(node).await
}
