//! Step: the chosen nodes get their training leases.

use thunderline_contracts::federation::{ClientsSelected, RoundStarted};
use thunderline_core::{Action, Cx, Error, NodeId, Result, RoundId, Rule, Subject};
use thunderline_store::Write;

use super::{
    buffer_lock, fill_buffer,
    issue_leases::{deadline, issue_leases},
    issue_more,
};
use crate::{
    Federations,
    drive::Drive,
    masked,
    plan::{Purpose, View},
    privacy::{self, charge, dataset, exhaust},
    rows::{self, Federation},
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
    (wanted, quorum): (u32, u32),
    divisor: Option<f64>,
) -> Result<()> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    let round = super::round(&mut read, cx, id).await?;
    let federation = super::federation(&mut read, cx, round.federation).await?;
    drop(read);
    let quote = match &federation.spec.dp {
        Some(dp) => Some(charge::quote(cx, domain, &federation, dp).await?),
        None => None,
    };
    let mut write = domain.db.write(cx, &ACTION).await?;
    let buffer = federation.spec.strategy.buffer();
    if let Some(buffer) = &buffer {
        write.lock(&buffer_lock(federation.id)).await?;
        issue_more::check_room(&mut write, &federation, buffer, nodes).await?;
    }
    let round = super::round(&mut write, cx, id).await?;
    let federation = super::federation(&mut write, cx, round.federation).await?;
    if federation.state.is_over() {
        return Err(Error::conflict("the federation is over"));
    }
    let refusal = match (&federation.spec.dp, quote, divisor) {
        (Some(dp), Some(quote), Some(divisor)) => {
            let paid = charge::charge(cx, &mut write, &federation, &round, (dp, quote, divisor)).await?;
            paid.err().map(|refusal| refusal.to_string())
        }
        (None, _, None) => unprotected(cx, &mut write, &federation).await?,
        _ => return Err(Error::conflict("the federation's key is gone")),
    };
    if let Some(reason) = refusal {
        drop(write);
        return exhaust::exhaust(cx, domain, id, &reason).await;
    }
    let expires_at = deadline(cx.now(), federation.spec.round.deadline)?;
    let deadline = buffer.is_none().then_some(expires_at);
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
    if let Some(buffer) = &buffer {
        fill_buffer::take_waiting(&mut write, &federation, &round, buffer).await?;
    }
    if federation.spec.secure_agg.is_some() {
        let first = masked::first_deadline(&federation.spec, cx.now(), expires_at);
        // Fewer than three cannot hide anybody, whatever the quorum of the round.
        masked::rows::begin(&mut write, id, first, quorum.max(3)).await?;
        write.enqueue_at(&Drive { federation: federation.id }, first);
    }
    issue_leases(cx, &mut write, &round, Purpose::Train, nodes, expires_at).await?;
    write.commit(&Subject::new("round", id)).await
}

/// Why a federation without privacy may not use its data: a budget that somebody set after it was submitted.
async fn unprotected(cx: &Cx, write: &mut Write, federation: &Federation) -> Result<Option<String>> {
    let names = dataset::names(&federation.spec);
    let limited = privacy::rows::limited(write, cx.tenant(), &names).await?;
    Ok(limited.map(|name| {
        format!("privacy_budget_exhausted: '{name}' has a privacy budget, and the federation has no dp")
    }))
}
