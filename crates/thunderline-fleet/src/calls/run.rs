//! What a run is, and what its clients execute.

use std::{collections::BTreeMap, sync::Arc};

use federation::{
    actions::read::{self, RunInfo},
    artifact::Artifact,
    spec::{App, Scalar},
    state::FederationState,
};
use thunderline_core::{Error, Result, RunId};
use thunderline_flower::{fab::RunValue, wire};

use super::own;
use crate::{
    Fleet,
    answer::{Answer, Piece},
    blocking::blocking,
    fleet::Node,
};

pub(super) async fn get_run(fleet: &Fleet, node: &Node, request: &wire::GetRunRequest) -> Result<Answer> {
    own(fleet, node, request.node.as_ref()).await?;
    let (info, bundle) = find(fleet, node, request.run_id).await?;
    let text = |key: &str| {
        let value = bundle.metadata.get(key).and_then(serde_json::Value::as_str);
        value.map(str::to_owned).ok_or_else(|| Error::internal(format!("a bundle's metadata lacks {key}")))
    };
    let run = wire::Run {
        run_id: info.federation.run.get(),
        fab_id: text("fab_id")?,
        fab_version: text("fab_version")?,
        fab_hash: bundle.sha256.to_string(),
        override_config: overrides(&info.federation.spec.app),
        status: Some(wire::RunStatus { status: "running".into(), ..wire::RunStatus::default() }),
        federation: info.federation.name,
        // Runs of one series share their clients' state; every federation begins with a clean one.
        series_id: info.federation.run.get(),
        ..wire::Run::default()
    };
    Ok(Answer::message(&wire::GetRunResponse { run: Some(run) }))
}

pub(super) async fn get_fab(fleet: &Fleet, node: &Node, request: &wire::GetFabRequest) -> Result<Answer> {
    own(fleet, node, request.node.as_ref()).await?;
    let (_, bundle) = find(fleet, node, request.run_id).await?;
    let hash = bundle.sha256.to_string();
    if hash != request.hash_str {
        return Err(Error::not_found(format_args!("the bundle '{}'", request.hash_str.escape_debug())));
    }
    let area = fleet.federations.objects.checkpoints()?;
    let content = blocking(move || {
        let file = area.open(&bundle.sha256)?;
        let length = file.metadata()?.len();
        Ok(Piece::File { file: Arc::new(file), range: 0..length })
    })
    .await?;
    let head = Answer::message(&wire::Fab { hash_str: hash, ..wire::Fab::default() });
    Ok(Answer::field(1, head.and(Answer::field(2, vec![content])).into_pieces()))
}

/// A run that goes on, and its bundle.
async fn find(fleet: &Fleet, node: &Node, run: u64) -> Result<(RunInfo, Artifact)> {
    let mut info = read::run(&node.cx, &fleet.federations, RunId::try_from(run)?).await?;
    if !matches!(info.federation.state, FederationState::Running | FederationState::Paused) {
        return Err(Error::forbidden(format!("run {run} has ended")));
    }
    let bundle = info.bundle.take();
    let bundle = bundle.ok_or_else(|| Error::forbidden(format!("run {run} is not one of a Flower app")))?;
    Ok((info, bundle))
}

fn overrides(app: &App) -> BTreeMap<String, wire::Scalar> {
    let App::Flower(app) = app else { return BTreeMap::new() };
    let value = |value: &Scalar| match value {
        Scalar::Bool(value) => RunValue::Bool(*value),
        Scalar::Int(value) => RunValue::Int(*value),
        Scalar::Float(value) => RunValue::Float(*value),
        Scalar::Text(value) => RunValue::Text(value.clone()),
    };
    app.config.iter().map(|(key, given)| (key.clone(), value(given).to_wire())).collect()
}
