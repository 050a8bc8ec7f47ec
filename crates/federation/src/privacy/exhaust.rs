//! Step: a round cannot be paid for, and the federation ends before anybody is asked.

use thunderline_contracts::federation::{
    FederationCompleted, FederationFailed, PrivacyExhausted, RoundFailed,
};
use thunderline_core::{Action, Cx, Result, RoundId, Rule};

use crate::{
    Federations,
    artifact::ArtifactKind,
    rows,
    state::{FederationEvent, RoundEvent},
};

/// Background work only.
pub const ACTION: Action = Action::new("fl.privacy.exhaust", Rule::System);

/// Ends the federation: completed, with its last model and the reason, where a round has made one, and failed otherwise.
pub(crate) async fn exhaust(cx: &Cx, domain: &Federations, id: RoundId, reason: &str) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let round = crate::actions::round(&mut write, cx, id).await?;
    let federation = crate::actions::federation(&mut write, cx, round.federation).await?;
    let ended = round.state.clone().apply(RoundEvent::Failed { reason: reason.into() })?;
    rows::rounds::set_state(&mut write, &round, &ended, cx.now()).await?;
    write.emit(&RoundFailed {
        federation: federation.id,
        round_id: id,
        round: round.number,
        attempt: Some(round.attempt),
        reason: reason.into(),
        timed_out: false,
    });
    write.emit(&PrivacyExhausted {
        federation: federation.id,
        round_id: id,
        round: round.number,
        reason: reason.into(),
    });
    let model = match &federation.model {
        Some(digest) if federation.completed_rounds > 0 => {
            let digest = digest.parse()?;
            rows::artifacts::by_digest(&mut write, &digest, ArtifactKind::Model, cx.tenant()).await?
        }
        _ => None,
    };
    let event = if model.is_some() { FederationEvent::Completed } else { FederationEvent::Failed };
    let state = federation.state.apply(event)?;
    rows::federations::set_state(&mut write, &federation, state, Some(reason), cx.now()).await?;
    match model {
        Some(model) => write.emit(&FederationCompleted {
            federation: federation.id,
            rounds_total: federation.completed_rounds,
            artifact: model.id,
            uri: model.uri,
            sha256: model.sha256.to_string(),
        }),
        None => write.emit(&FederationFailed { federation: federation.id, reason: reason.into() }),
    }
    write.commit(&crate::actions::about_federation(federation.id)).await
}
