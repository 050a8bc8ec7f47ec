//! `POST /api/v1/executions/{id}/snapshots`

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use thundervine::workflow::actions::snapshot;

use crate::{caller::Caller, dto::workflow::WorkflowSnapshot, problem::Failure, state::Web};

/// Keep a definition and its execution as they stand, under the digest of both.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/snapshots", tag = "workflows", params(("id" = String, Path)),
    responses((status = CREATED, body = WorkflowSnapshot))
)]
pub async fn snapshot(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<WorkflowSnapshot>), Failure> {
    let snapshot = snapshot::take(&cx, &web.domains().vine, id.parse()?).await?;
    Ok((StatusCode::CREATED, Json(snapshot.into())))
}
