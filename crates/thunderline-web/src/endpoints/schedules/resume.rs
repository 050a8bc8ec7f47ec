//! `POST /api/v1/schedules/{id}/resume`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{
    caller::Caller,
    dto::{problem::ProblemDetails, schedule::Schedule},
    problem::Failure,
    state::Web,
};

/// Let a paused schedule fire again; times during the pause are over.
#[utoipa::path(
    post, path = "/api/v1/schedules/{id}/resume", tag = "schedules", params(("id" = String, Path, description = "Its id or name")),
    responses(
        (status = OK, body = Schedule),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is not paused."),
    )
)]
pub async fn resume(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Schedule>, Failure> {
    Ok(Json(thunderblock::schedules::resume::resume(&cx, &web.domains().block, &id).await?.into()))
}
