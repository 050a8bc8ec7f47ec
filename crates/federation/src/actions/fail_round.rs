//! Step: no model comes of a round.

use thunderline_contracts::federation::RoundFailed;
use thunderline_core::{Action, Cx, Result, RoundId, Rule, Subject};

use super::end_lease;
use crate::{
    Federations, masked, rows,
    state::{RoundEvent, RoundState},
};

/// Background work only.
pub const ACTION: Action = Action::new("fl.round.fail", Rule::System);

pub(crate) async fn fail_round(
    cx: &Cx,
    domain: &Federations,
    id: RoundId,
    reason: &str,
    timed_out: bool,
) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let round = super::round(&mut write, cx, id).await?;
    let federation = super::federation(&mut write, cx, round.federation).await?;
    let event = if timed_out {
        RoundEvent::TimedOut { reason: reason.into() }
    } else {
        RoundEvent::Failed { reason: reason.into() }
    };
    let state = round.state.clone().apply(event)?;
    rows::rounds::set_state(&mut write, &round, &state, cx.now()).await?;
    let (completed, failures) = (federation.completed_rounds, federation.failures + 1);
    let why = format!("round {} failed (attempt {}): {reason}", round.number, round.attempt);
    rows::federations::set_progress(&mut write, federation.id, completed, failures, Some(&why)).await?;
    let buffered = federation.spec.strategy.buffer().is_some();
    let mut uploads = Vec::new();
    if !buffered {
        let dropped = rows::leases::end_open(&mut write, id, "the round failed", cx.now()).await?;
        end_lease::tell_dropped(&mut write, &dropped, round.number, "the round failed");
        rows::updates::remove(&mut write, id).await?;
        masked::rows::forget(&mut write, id).await?;
    } else if matches!(round.state, RoundState::Running { .. }) {
        write.lock(&super::buffer_lock(federation.id)).await?;
        rows::leases::give_back(&mut write, id).await?;
    } else {
        // What could not be made into a model is not tried again.
        uploads = rows::updates::of_buffer(&mut write, id).await?.into_keys().collect();
        rows::updates::remove_buffer(&mut write, id).await?;
    }
    write.emit(&RoundFailed {
        federation: round.federation,
        round_id: id,
        round: round.number,
        reason: reason.into(),
        timed_out,
        attempt: Some(round.attempt),
    });
    write.commit(&Subject::new("round", id)).await?;
    super::remove_lease_uploads(domain, uploads).await?;
    remove_uploads(domain, id).await
}

/// Throws a finished round's uploads away. Repeating it is harmless; what a crash leaves is swept later.
pub(crate) async fn remove_uploads(domain: &Federations, id: RoundId) -> Result<()> {
    let area = domain.objects.area(&format!("rounds/{id}"))?;
    crate::blocking(move || area.remove()).await
}
