//! Step: a node will not deliver.

use thunderline_contracts::federation::ClientDropped;
use thunderline_core::{Action, Cx, Error, LeaseId, Result, Rule, Subject};
use thunderline_store::Write;

use crate::{
    Federations,
    drive::Drive,
    masked::given::{self, Given},
    rows::{self, Lease, leases::Ending},
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
    write.lock(&given::lock(id)).await?;
    let found = rows::leases::by_id(&mut write, id, cx.tenant()).await?;
    let lease = found.ok_or_else(|| Error::not_found(format_args!("lease {id}")))?;
    let newest = match lease.version {
        Some(_) => rows::rounds::newest(&mut write, lease.federation, cx.tenant()).await?,
        None => None,
    };
    let ending = Ending { round: newest.as_ref().map(|round| round.id), ..Ending::default() };
    let round = match newest {
        Some(newest) => newest,
        None => super::round(&mut write, cx, lease.round).await?,
    };
    let (expired, reason) = match given::given(domain, &mut write, &lease).await? {
        Given::Nothing => (expired, reason),
        Given::LeftOut => (false, given::LEFT_OUT),
        Given::Update(input) => {
            tracing::info!(lease = %id, reason, "a client falls away whose masked update is taken");
            given::release(cx, domain, &mut write, &round, &lease, input).await?;
            write.enqueue(&Drive { federation: round.federation });
            return write.commit(&Subject::new("lease", id)).await;
        }
    };
    let event = if expired {
        LeaseEvent::Expired { reason: reason.into() }
    } else {
        LeaseEvent::Dropped { reason: reason.into() }
    };
    let state = lease.state.clone().apply(event)?;
    rows::leases::end(&mut write, id, &state, None, cx.now(), ending).await?;
    let uploads = ending.round.map(|_| id).into_iter().collect();
    tell_dropped(&mut write, &[Lease { ended_in: ending.round, ..lease }], round.number, reason);
    write.enqueue(&Drive { federation: round.federation });
    write.commit(&Subject::new("lease", id)).await?;
    super::remove_lease_uploads(domain, uploads).await
}

/// Tells of leases that ended without a result, in the round of this number.
pub(crate) fn tell_dropped(write: &mut Write, leases: &[Lease], round: u32, reason: &str) {
    for lease in leases {
        write.emit(&ClientDropped {
            federation: lease.federation,
            round,
            client: lease.node,
            lease: lease.id,
            round_id: Some(lease.ended_in.unwrap_or(lease.round)),
            purpose: Some(lease.purpose.name().into()),
            reason: reason.into(),
        });
    }
}
