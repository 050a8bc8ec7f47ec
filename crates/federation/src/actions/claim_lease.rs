//! A node takes its task.

use thunderline_contracts::federation::ClientJoined;
use thunderline_core::{Action, Cx, Error, LeaseId, Result, Rule, Subject};

use super::read;
use crate::{
    Federations,
    plan::MAX_DELIVERIES,
    rows::{self, Lease},
    state::{LeaseEvent, LeaseState},
};

/// The node whose lease it is.
pub const ACTION: Action = Action::new("fl.lease.claim", Rule::Node);

/// Marks the task as handed out under the wire's name for its message.
///
/// Idempotent: the node that holds the lease may claim it again, because it lost the task; that is counted and bounded.
/// Under another message it is another task, which is counted anew: the next exchange of a masked round.
/// Announcements of an earlier delivery are forgotten: the node begins anew.
///
/// # Errors
/// `not_found` where the lease is another node's; `conflict` where it has ended, or was handed out too often.
pub async fn claim_lease(cx: &Cx, domain: &Federations, id: LeaseId, message: &str) -> Result<Lease> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let lease = read::own_lease(&mut write, cx, id).await?;
    let first = lease.state == LeaseState::Issued;
    let state = lease.state.clone().apply(LeaseEvent::Claimed)?;
    let deliveries = if lease.message.as_deref() == Some(message) { lease.deliveries } else { 0 };
    if deliveries >= MAX_DELIVERIES {
        drop(write);
        let reason = format!("the node lost its task {MAX_DELIVERIES} times");
        super::end_lease::end_lease(cx, domain, id, false, &reason).await?;
        return Err(Error::conflict(reason));
    }
    rows::leases::claim(&mut write, id, message, cx.now()).await?;
    if first {
        let round = super::round(&mut write, cx, lease.round).await?;
        write.emit(&ClientJoined {
            federation: lease.federation,
            round: round.number,
            client: lease.node,
            lease: id,
        });
    }
    write.commit(&Subject::new("lease", id)).await?;
    let deliveries = deliveries + 1;
    Ok(Lease { state, message: Some(message.into()), deliveries, announced: None, ..lease })
}
