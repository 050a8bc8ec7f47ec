//! Step: the new model stands.

use thunderline_contracts::federation::AggregateCompleted;
use thunderline_core::{Action, Cx, NodeId, Result, RoundId, Rule, Subject};

use super::{complete_round, issue_leases};
use crate::{
    Federations,
    aggregate::StoredModel,
    artifact::{self, Artifact, ArtifactKind},
    masked,
    plan::Purpose,
    privacy,
    rollup::Rollup,
    rows,
    state::RoundEvent,
};

/// Background work only.
pub const ACTION: Action = Action::new("fl.round.record_aggregate", Rule::System);

/// Records a stored, verified model: artifact, optimiser state, metrics and the round's next state in one commit. Where somebody judges
/// the model, their leases are in the same commit; otherwise the round is completed in it.
pub(crate) async fn record_aggregate(
    cx: &Cx,
    domain: &Federations,
    id: RoundId,
    model: &StoredModel,
    rollup: &Rollup,
    evaluators: &[NodeId],
) -> Result<()> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let round = super::round(&mut write, cx, id).await?;
    let federation = super::federation(&mut write, cx, round.federation).await?;
    let digest = model.sha256.to_string();
    let state = model.optimiser.as_ref().map(|state| state.after.to_string());
    let artifact = Artifact {
        id: cx.id(),
        tenant: cx.tenant(),
        federation: Some(federation.id),
        round: Some(id),
        kind: ArtifactKind::Model,
        name: format!("{} round {}", federation.name, round.number),
        uri: artifact::uri(&model.sha256),
        sha256: model.sha256,
        size_bytes: model.size_bytes,
        format: "safetensors".into(),
        metadata: serde_json::json!({
            "round": round.number,
            "parent": round.model_in,
            "strategy": federation.spec.strategy,
            "seed": federation.spec.seed,
            "clients": model.clients,
            "optimiser_state": model.optimiser,
            "privacy": model.released,
        }),
        created_at: cx.now(),
    };
    rows::artifacts::insert(&mut write, &artifact).await?;
    if let Some(released) = &model.released {
        privacy::rows::set_next_norm(&mut write, id, released.next_clip_norm).await?;
    }
    let buffered = federation.spec.strategy.buffer().is_some();
    if buffered {
        rows::updates::remove_buffer(&mut write, id).await?;
    } else {
        rows::updates::remove(&mut write, id).await?;
        masked::rows::forget(&mut write, id).await?;
    }
    rows::rounds::set_model_out(&mut write, id, &digest, state.as_deref()).await?;
    rows::rounds::set_metrics(&mut write, id, rollup).await?;
    rows::federations::set_model(&mut write, federation.id, &digest).await?;
    write.emit(&AggregateCompleted {
        federation: federation.id,
        round: round.number,
        artifact: artifact.id,
        uri: artifact.uri.clone(),
        sha256: digest,
        round_id: Some(id),
        attempt: Some(round.attempt),
        parent: round.model_in.clone(),
        strategy: Some(federation.spec.strategy.name().into()),
        clients: Some(model.clients.len() as u32),
        num_examples: Some(model.clients.iter().map(|client| client.num_examples).sum()),
        state_before: model.optimiser.as_ref().and_then(|state| Some(state.before?.to_string())),
        state_after: state,
    });
    if evaluators.is_empty() {
        complete_round::finish(cx, &mut write, &federation, &round, rollup).await?;
    } else {
        let deadline = issue_leases::deadline(cx.now(), federation.spec.round.deadline)?;
        let state = round.state.clone().apply(RoundEvent::EvaluationStarted { deadline })?;
        rows::rounds::set_state(&mut write, &round, &state, cx.now()).await?;
        issue_leases::issue_leases(cx, &mut write, &round, Purpose::Evaluate, evaluators, deadline).await?;
    }
    write.commit(&Subject::new("round", id)).await?;
    let folded = model.clients.iter().filter(|_| buffered).map(|client| client.lease).collect();
    super::remove_lease_uploads(domain, folded).await
}
