//! Step: the chosen nodes get their training leases.

use thunderline_contracts::federation::{ClientsSelected, RoundStarted};
use thunderline_core::{Action, Cx, Error, NodeId, Result, RoundId, Rule, Subject};

use super::issue_leases::{deadline, issue_leases};
use crate::{
    Federations,
    plan::{Purpose, View},
    rows,
    select::{self, Wanted},
    state::RoundEvent,
};

/// Background work only.
pub const ACTION: Action = Action::new("fl.round.start", Rule::System);

/// `view` is what the choice was made from.
pub(crate) async fn start_round(
    cx: &Cx,
    domain: &Federations,
    id: RoundId,
    view: &View,
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
    let spec = &federation.spec;
    let (eligible, listed) =
        select::explain(&view.nodes, &Wanted::new(&spec.client_selector, &spec.app, &view.groups), nodes);
    write.emit(&ClientsSelected {
        federation: federation.id,
        round_id: id,
        round: round.number,
        attempt: round.attempt,
        seed: spec.seed,
        model: round.model_in.clone(),
        candidates: view.nodes.len() as u32,
        eligible,
        chosen: nodes.len() as u32,
        wanted,
        quorum,
        listed,
    });
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
