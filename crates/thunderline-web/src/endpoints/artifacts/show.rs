//! `GET /api/v1/artifacts/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use federation::actions::read;

use crate::{caller::Caller, dto::artifact::Artifact, problem::Failure, state::Web};

/// One artifact: where it is, its digest, where it came from.
#[utoipa::path(
    get, path = "/api/v1/artifacts/{id}", tag = "artifacts", params(("id" = String, Path)),
    responses((status = OK, body = Artifact))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Artifact>, Failure> {
    Ok(Json(read::get_artifact(&cx, web.federations(), id.parse()?).await?.into()))
}
