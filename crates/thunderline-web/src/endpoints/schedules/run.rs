//! `POST /api/v1/schedules/{id}/run`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{caller::Caller, dto::schedule::Schedule, problem::Failure, state::Web};

/// Enqueue the job of a schedule at once; its times stay as they are.
#[utoipa::path(
    post, path = "/api/v1/schedules/{id}/run", tag = "schedules", params(("id" = String, Path, description = "Its id or name")),
    responses(
        (status = OK, body = Schedule),
    )
)]
pub async fn run(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Schedule>, Failure> {
    Ok(Json(thunderblock::schedules::run::run(&cx, &web.domains().block, &id).await?.into()))
}
