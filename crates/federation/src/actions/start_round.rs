//! Step: the chosen nodes get their training leases.

use thunderline_contracts::federation::{LeaseIssued, RoundStarted};
use thunderline_core::{
    Action, Cx, Error, NodeId, Result, RoundId, Rule, SignedDuration, Subject, Timestamp,
};
use thunderline_store::Write;

use crate::{
    Federations,
    actions::node_key,
    drive::Drive,
    plan::Purpose,
    rows::{self, Lease, Round},
    state::{LeaseState, RoundEvent},
};

/// Background work only.
pub const ACTION: Action = Action::new("fl.round.start", Rule::System);

pub(crate) async fn start_round(
    cx: &Cx,
    domain: &Federations,
    id: RoundId,
    nodes: &[NodeId],
    wanted: u32,
    quorum: u32,
) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let round = super::round(&mut write, cx, id).await?;
    let federation = super::federation(&mut write, cx, round.federation).await?;
    if federation.state.is_over() {
        return Err(Error::conflict("the federation is over"));
    }
    let deadline = deadline(cx.now(), federation.spec.round.deadline)?;
    let state = round.state.clone().apply(RoundEvent::Started { deadline })?;
    rows::rounds::set_state(&mut write, &round, &state, cx.now()).await?;
    rows::rounds::set_clients(&mut write, id, wanted, quorum).await?;
    write.emit(&RoundStarted {
        federation: federation.id,
        round_id: id,
        round: round.number,
        client_fraction: federation.spec.client_fraction,
        clients: nodes.len() as u32,
    });
    issue_leases(cx, &mut write, &round, Purpose::Train, nodes, deadline).await?;
    write.commit(&Subject::new("round", id)).await
}

/// The moment so many seconds from now.
pub(crate) fn deadline(now: Timestamp, seconds: u32) -> Result<Timestamp> {
    now.checked_add(SignedDuration::from_secs(seconds.into()))
        .map_err(|error| Error::internal("a deadline lies beyond the calendar").caused_by(error))
}

/// Gives each node a lease and wakes its held request.
pub(crate) async fn issue_leases(
    cx: &Cx,
    write: &mut Write,
    round: &Round,
    purpose: Purpose,
    nodes: &[NodeId],
    expires_at: Timestamp,
) -> Result<()> {
    for (ordinal, node) in nodes.iter().enumerate() {
        let lease = Lease {
            id: cx.id(),
            tenant: round.tenant,
            federation: round.federation,
            round: round.id,
            node: *node,
            ordinal: ordinal as u32,
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
