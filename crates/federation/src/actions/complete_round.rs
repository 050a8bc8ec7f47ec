//! Step: a round's model and metrics stand.

use thunderline_contracts::federation::RoundCompleted;
use thunderline_core::{Action, Cx, Error, Result, RoundId, Rule, Subject};
use thunderline_store::Write;

use super::{end_lease, fail_round};
use crate::{
    Federations,
    plan::Purpose,
    rollup::{self, Rollup},
    rows::{self, Federation, Lease, Round},
    state::RoundEvent,
    task::Report,
};

/// Background work only.
pub const ACTION: Action = Action::new("fl.round.complete", Rule::System);

/// Completes a round whose model was judged by clients.
pub(crate) async fn complete_round(cx: &Cx, domain: &Federations, id: RoundId) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let round = super::round(&mut write, cx, id).await?;
    let federation = super::federation(&mut write, cx, round.federation).await?;
    let reason = "the round was completed before the node delivered";
    let dropped = rows::leases::end_open(&mut write, id, reason, cx.now()).await?;
    end_lease::tell_dropped(&mut write, &dropped, round.number, reason);
    let stored =
        round.metrics.as_deref().ok_or_else(|| Error::internal("an evaluated round has no metrics"))?;
    let mut rollup: Rollup = serde_json::from_str(stored)
        .map_err(|error| Error::internal("a round's metrics are unreadable").caused_by(error))?;
    let leases = rows::leases::of_round(&mut write, id, cx.tenant()).await?;
    rollup.evaluate = Some(summarise(&leases, Purpose::Evaluate));
    rows::rounds::set_metrics(&mut write, id, &rollup).await?;
    finish(cx, &mut write, &federation, &round, &rollup).await?;
    write.commit(&Subject::new("round", id)).await?;
    fail_round::remove_uploads(domain, id).await
}

/// What a round's leases of one purpose brought.
pub(crate) fn summarise(leases: &[Lease], purpose: Purpose) -> rollup::Exchange {
    let leases: Vec<_> = leases.iter().filter(|lease| lease.purpose == purpose).collect();
    let reports: Vec<&Report> = leases.iter().filter_map(|lease| lease.report.as_ref()).collect();
    let issued = leases.iter().map(|lease| lease.issued_at).min();
    let last = leases.iter().filter(|lease| lease.report.is_some()).filter_map(|lease| lease.ended_at).max();
    let seconds = issued.zip(last).map_or(0.0, |(issued, last)| last.duration_since(issued).as_secs_f64());
    let staleness: Vec<u32> = leases.iter().filter_map(|lease| lease.staleness).collect();
    let staleness = rollup::staleness(&staleness);
    rollup::Exchange { staleness, ..rollup::exchange(&reports, leases.len(), seconds) }
}

/// Completes the round within the caller's transaction.
pub(crate) async fn finish(
    cx: &Cx,
    write: &mut Write,
    federation: &Federation,
    round: &Round,
    rollup: &Rollup,
) -> Result<()> {
    let state = round.state.clone().apply(RoundEvent::Completed)?;
    rows::rounds::set_state(write, round, &state, cx.now()).await?;
    let completed = federation.completed_rounds + 1;
    rows::federations::set_progress(write, federation.id, completed, 0, None).await?;
    rows::rollups::insert(write, cx, round, rollup).await?;
    write.emit(&RoundCompleted {
        federation: federation.id,
        round_id: round.id,
        round: round.number,
        metrics: serde_json::to_value(rollup).expect("a rollup is plain data"),
    });
    Ok(())
}
