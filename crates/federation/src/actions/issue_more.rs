//! Step: nodes that are free get leases while a buffer is filled.

use thunderline_core::{Action, Cx, Error, NodeId, Result, RoundId, Rule, Subject};
use thunderline_numerics::strategy::Buffer;
use thunderline_store::Query;

use super::{
    buffer_lock,
    issue_leases::{deadline, issue_leases},
};
use crate::{
    Federations,
    plan::Purpose,
    rows::{self, Federation},
    state::RoundState,
};

/// Background work only.
pub const ACTION: Action = Action::new("fl.round.issue_more", Rule::System);

pub(crate) async fn issue_more(cx: &Cx, domain: &Federations, id: RoundId, nodes: &[NodeId]) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let round = super::round(&mut write, cx, id).await?;
    write.lock(&buffer_lock(round.federation)).await?;
    let round = super::round(&mut write, cx, id).await?;
    let federation = super::federation(&mut write, cx, round.federation).await?;
    let buffer = federation.spec.strategy.buffer();
    let buffer = buffer.ok_or_else(|| Error::internal("the federation asks its clients in rounds"))?;
    if federation.state.is_over() || !matches!(round.state, RoundState::Running { .. }) {
        return Err(Error::conflict("no buffer is being filled"));
    }
    check_room(&mut write, &federation, &buffer, nodes).await?;
    let expires_at = deadline(cx.now(), federation.spec.round.deadline)?;
    issue_leases(cx, &mut write, &round, Purpose::Train, nodes, expires_at).await?;
    write.commit(&Subject::new("round", id)).await
}

/// That these nodes can be given leases: the plan was made from an earlier view.
pub(crate) async fn check_room(
    query: &mut impl Query,
    federation: &Federation,
    buffer: &Buffer,
    nodes: &[NodeId],
) -> Result<()> {
    let open = rows::leases::open_of_federation(query, federation.id).await?;
    if open.iter().any(|lease| nodes.contains(&lease.node)) {
        return Err(Error::conflict("a node has a lease meanwhile"));
    }
    if open.len() + nodes.len() > buffer.max_concurrency as usize {
        return Err(Error::conflict("others have leases meanwhile"));
    }
    Ok(())
}
