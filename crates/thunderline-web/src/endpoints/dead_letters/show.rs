//! `GET /api/v1/dead-letters/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderflow::dead_letters::read;

use crate::{caller::Caller, dto::dead_letter::DeadLetter, problem::Failure, state::Web};

/// One event that a consumer gave up, and why.
#[utoipa::path(
    get, path = "/api/v1/dead-letters/{id}", tag = "dead letters", params(("id" = String, Path)),
    responses((status = OK, body = DeadLetter))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<DeadLetter>, Failure> {
    Ok(Json(read::get_dead_letter(&cx, &web.domains().flow, super::id(&id)?).await?.into()))
}
