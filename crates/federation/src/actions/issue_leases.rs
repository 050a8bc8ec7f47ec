//! Leases are issued: part of the steps that begin a round's training and its evaluation.

use thunderline_contracts::federation::LeaseIssued;
use thunderline_core::{Cx, Error, NodeId, Result, SignedDuration, Timestamp};
use thunderline_store::Write;

use super::node_key;
use crate::{
    drive::Drive,
    plan::Purpose,
    rows::{self, Lease, Round},
    state::LeaseState,
};

/// The moment so many seconds from now.
pub(crate) fn deadline(now: Timestamp, seconds: u32) -> Result<Timestamp> {
    now.checked_add(SignedDuration::from_secs(seconds.into()))
        .map_err(|error| Error::internal("a deadline lies beyond the calendar").caused_by(error))
}

/// Gives each node a lease and wakes its held request. Where clients are not asked in rounds, leases are numbered on from those
/// that were issued on the same version.
pub(crate) async fn issue_leases(
    cx: &Cx,
    write: &mut Write,
    round: &Round,
    purpose: Purpose,
    nodes: &[NodeId],
    expires_at: Timestamp,
) -> Result<()> {
    let federation = super::federation(write, cx, round.federation).await?;
    let version = federation.spec.strategy.buffer().map(|_| round.number - 1);
    let first = match version {
        Some(version) => rows::leases::issued_on(write, round.federation, version).await?,
        None => 0,
    };
    for (ordinal, node) in (first..).zip(nodes) {
        let lease = Lease {
            id: cx.id(),
            tenant: round.tenant,
            federation: round.federation,
            round: round.id,
            node: *node,
            ordinal,
            purpose,
            state: LeaseState::Issued,
            message: None,
            deliveries: 0,
            announced: None,
            report: None,
            issued_at: cx.now(),
            expires_at,
            claimed_at: None,
            ended_at: None,
            version,
            ended_in: None,
            staleness: None,
            arrival: None,
        };
        rows::leases::insert(write, &lease).await?;
        write.emit(&LeaseIssued {
            federation: round.federation,
            round: round.number,
            client: *node,
            lease: lease.id,
            purpose: purpose.name().into(),
            ttl_seconds: expires_at.duration_since(cx.now()).as_secs(),
        });
        write.wake(&node_key(*node));
    }
    write.enqueue_at(&Drive { federation: round.federation }, expires_at);
    Ok(())
}
