//! Step: a round looks for clients.

use thunderline_core::{Action, Cx, Error, FederationId, Result, Rule};

use super::{about_federation, import_artifact::tell_stored};
use crate::{
    Federations, aggregate,
    artifact::{self, Artifact, ArtifactKind},
    rows::{self, Federation, Round},
    spec::ModelRef,
    state::RoundState,
};

/// Background work only.
pub const ACTION: Action = Action::new("fl.round.open", Rule::System);

pub(crate) async fn open_round(
    cx: &Cx,
    domain: &Federations,
    id: FederationId,
    number: u32,
    attempt: u32,
) -> Result<()> {
    let mut read = domain.db.read(cx, &ACTION).await?;
    let federation = super::federation(&mut read, cx, id).await?;
    drop(read);
    let initial = match &federation.model {
        Some(_) => None,
        None => initial_model(cx, domain, &federation).await?,
    };
    let mut write = domain.db.write(cx, &ACTION).await?;
    let federation = super::federation(&mut write, cx, id).await?;
    if federation.state.is_over() {
        return Err(Error::conflict("the federation is over"));
    }
    let model = match (&federation.model, &federation.spec.model_ref, initial) {
        (Some(model), _, _) => model.clone(),
        (None, ModelRef::Stored(digest), _) => digest.to_string(),
        (None, ModelRef::Builtin(_), Some(artifact)) => {
            rows::artifacts::insert(&mut write, &artifact).await?;
            tell_stored(&mut write, &artifact, Some(federation.spec.seed));
            artifact.sha256.to_string()
        }
        (None, ModelRef::Builtin(_), None) => return Err(Error::conflict("the first model is being made")),
    };
    if federation.model.is_none() {
        rows::federations::set_model(&mut write, id, &model).await?;
    }
    let round = Round {
        id: cx.id(),
        tenant: cx.tenant(),
        federation: id,
        number,
        attempt,
        state: RoundState::Selecting,
        wanted: 0,
        quorum: 0,
        model_in: Some(model),
        model_out: None,
        state_out: None,
        metrics: None,
        created_at: cx.now(),
        started_at: None,
        closed_at: None,
        completed_at: None,
        version: 1,
    };
    rows::rounds::insert(&mut write, &round).await?;
    write.commit(&about_federation(id)).await
}

/// Makes and stores the first model of a federation that begins from a fresh network.
async fn initial_model(cx: &Cx, domain: &Federations, federation: &Federation) -> Result<Option<Artifact>> {
    let Some(network) = federation.spec.model_ref.network() else { return Ok(None) };
    let (objects, seed) = (domain.objects.clone(), federation.spec.seed);
    let stored = crate::blocking(move || aggregate::store_initial_model(&objects, &network, seed)).await?;
    Ok(Some(Artifact {
        id: cx.id(),
        tenant: cx.tenant(),
        federation: Some(federation.id),
        round: None,
        kind: ArtifactKind::Model,
        name: format!("{} initial", federation.name),
        uri: artifact::uri(&stored.sha256),
        sha256: stored.sha256,
        size_bytes: stored.size_bytes,
        format: "safetensors".into(),
        metadata: serde_json::json!({ "model_ref": federation.spec.model_ref, "seed": seed }),
        created_at: cx.now(),
    }))
}
