//! Step: a node will not deliver.

use thunderline_contracts::federation::ClientDropped;
use thunderline_core::{Action, Cx, Error, LeaseId, Result, Rule, Subject};
use thunderline_store::Write;

use crate::{
    Federations,
    drive::Drive,
    rows::{self, Lease},
    state::LeaseEvent,
};

/// Background work, or the node whose lease it is.
pub const ACTION: Action = Action::new("fl.lease.end", Rule::Node);

pub(crate) async fn end_lease(
    cx: &Cx,
    domain: &Federations,
    id: LeaseId,
    expired: bool,
    reason: &str,
) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let found = rows::leases::by_id(&mut write, id, cx.tenant()).await?;
    let lease = found.ok_or_else(|| Error::not_found(format_args!("lease {id}")))?;
    let round = super::round(&mut write, cx, lease.round).await?;
    let event = if expired {
        LeaseEvent::Expired { reason: reason.into() }
    } else {
        LeaseEvent::Dropped { reason: reason.into() }
    };
    let state = lease.state.clone().apply(event)?;
    rows::leases::end(&mut write, id, &state, None, cx.now()).await?;
    tell_dropped(&mut write, &[lease], round.number, reason);
    write.enqueue(&Drive { federation: round.federation });
    write.commit(&Subject::new("lease", id)).await
}

/// Tells of leases that ended without a result.
pub(crate) fn tell_dropped(write: &mut Write, leases: &[Lease], round: u32, reason: &str) {
    for lease in leases {
        write.emit(&ClientDropped {
            federation: lease.federation,
            round,
            client: lease.node,
            lease: lease.id,
            round_id: Some(lease.round),
            purpose: Some(lease.purpose.name().into()),
            reason: reason.into(),
        });
    }
}
