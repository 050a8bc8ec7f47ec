//! Handing a complete reply to the domain.

use std::sync::Arc;

use federation::{
    actions::{
        accept_reply::{Acceptance, accept_reply},
        refuse_reply::refuse_reply,
    },
    task::Reply,
};
use thunderline_core::{ErrorKind, Result};

use super::{Upload, assemble, exchange_reply};
use crate::{Fleet, blocking::blocking, fleet::Node};

/// Reads a reply whose objects are all there and hands it on, once. Where that fails for a reason that may pass, the client
/// sends its last object again, and so it is tried again.
///
/// # Errors
/// Those of the domain that are worth a repetition.
pub(crate) async fn complete(fleet: &Fleet, node: &Node, upload: &Arc<Upload>) -> Result<()> {
    let mut finished = upload.finished.lock().await;
    if *finished {
        return Ok(());
    }
    let (reading, id) = (upload.clone(), node.id);
    if upload.masked {
        let said = blocking(move || exchange_reply::read(&reading.area, &reading.announced, id)).await;
        match exchange_reply::hand_on(fleet, node, upload, said).await {
            Ok(()) => fleet.forget(node.id),
            Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Conflict) => {
                hand_on(fleet, node, upload, failed(&error.to_string())).await?;
            }
            Err(error) => return Err(error),
        }
        *finished = true;
        return Ok(());
    }
    let reply = blocking(move || assemble::read(&reading.area, &reading.announced, id)).await;
    let reply = match reply {
        Err(error) if error.kind() == ErrorKind::Invalid => failed(&error.to_string()),
        reply => reply?,
    };
    hand_on(fleet, node, upload, reply).await?;
    *finished = true;
    Ok(())
}

/// Ends an upload that will not be completed, with the reply that says why.
///
/// # Errors
/// Those of the domain.
pub(crate) async fn refuse(fleet: &Fleet, node: &Node, upload: &Arc<Upload>, reply: Reply) -> Result<()> {
    let mut finished = upload.finished.lock().await;
    if !*finished {
        hand_on(fleet, node, upload, reply).await?;
        *finished = true;
    }
    Ok(())
}

/// Ends an upload for this reason.
///
/// # Errors
/// Those of the domain.
pub(crate) async fn give_up(fleet: &Fleet, node: &Node, upload: &Arc<Upload>, reason: &str) -> Result<()> {
    refuse(fleet, node, upload, failed(reason)).await
}

fn failed(reason: &str) -> Reply {
    Reply { error: Some(reason.into()), ..Reply::default() }
}

async fn hand_on(fleet: &Fleet, node: &Node, upload: &Upload, reply: Reply) -> Result<()> {
    let lease = upload.lease;
    match accept_reply(&node.cx, &fleet.federations, lease, reply).await {
        Ok(Acceptance::Refused(reason)) => {
            tracing::warn!(node = %node.id, %lease, reason, "a reply was refused");
        }
        Ok(Acceptance::Accepted | Acceptance::Repeated) => {}
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let reason = format!("too late: {}", error.external());
            refuse_reply(&node.cx, &fleet.federations, lease, &reason).await?;
        }
        Err(error) => return Err(error),
    }
    let (area, owner) = (upload.area.clone(), upload.owner());
    blocking(move || area.forget_partial(&owner)).await?;
    fleet.forget(node.id);
    Ok(())
}
