//! `POST /api/v1/artifacts`

use axum::{
    Json,
    body::Body,
    extract::{Query, State},
    http::StatusCode,
};
use federation::{actions::import_artifact, artifact::ArtifactKind};
use serde::Deserialize;
use thunderline_core::{Error, Result};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{artifact::Artifact, problem::ProblemDetails},
    problem::Failure,
    state::Web,
    upload,
};

/// What is brought.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Brought {
    /// `model` (safetensors or NumPy's npz), `bundle` (a Flower app, `.fab`) or `dataset` (CSV: features, then the label).
    kind: String,
    /// What people call it.
    name: Option<String>,
}

/// Store a model, an app bundle or a data set. The body is the file. The same bytes brought again are the same artifact.
#[utoipa::path(
    post, path = "/api/v1/artifacts", tag = "artifacts", params(Brought),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = CREATED, body = Artifact),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json"),
        (status = PAYLOAD_TOO_LARGE, body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn upload(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(brought): Query<Brought>,
    body: Body,
) -> Result<(StatusCode, Json<Artifact>), Failure> {
    import_artifact::ACTION.authorize(&cx)?;
    let kind = kind(&brought.kind)?;
    let area = web.federations().objects.checkpoints()?;
    let import = upload::store(area, kind, brought.name, body, web.settings().largest_upload).await?;
    let artifact = import_artifact::import_artifact(&cx, web.federations(), import).await?;
    Ok((StatusCode::CREATED, Json(artifact.into())))
}

fn kind(name: &str) -> Result<ArtifactKind> {
    ArtifactKind::named(name).ok_or_else(|| {
        let known = ArtifactKind::ALL.map(ArtifactKind::name).join(", ");
        Error::invalid_value("kind", format!("'{name}' is not known"), known)
    })
}
