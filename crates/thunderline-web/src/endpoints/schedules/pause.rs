//! `POST /api/v1/schedules/{id}/pause`

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

/// Let a schedule rest: it does not fire until it is resumed.
#[utoipa::path(
    post, path = "/api/v1/schedules/{id}/pause", tag = "schedules", params(("id" = String, Path, description = "Its id or name")),
    responses(
        (status = OK, body = Schedule),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It rests already."),
    )
)]
pub async fn pause(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Schedule>, Failure> {
    Ok(Json(thunderblock::schedules::pause::pause(&cx, &web.domains().block, &id).await?.into()))
}
