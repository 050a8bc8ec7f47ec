//! `GET /api/v1/schedules/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderblock::schedules::read;

use crate::{caller::Caller, dto::schedule::Schedule, problem::Failure, state::Web};

/// One schedule, by its id or name.
#[utoipa::path(
    get, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = String, Path)),
    responses((status = OK, body = Schedule))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Schedule>, Failure> {
    Ok(Json(read::get(&cx, &web.domains().block, &id).await?.into()))
}
