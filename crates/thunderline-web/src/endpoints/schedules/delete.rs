//! `DELETE /api/v1/schedules/{id}`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{caller::Caller, dto::schedule::Schedule, problem::Failure, state::Web};

/// Remove a schedule. Jobs that it enqueued stay.
#[utoipa::path(
    delete, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = String, Path, description = "Its id or name")),
    responses(
        (status = OK, body = Schedule),
    )
)]
pub async fn delete(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Schedule>, Failure> {
    Ok(Json(thunderblock::schedules::delete::delete(&cx, &web.domains().block, &id).await?.into()))
}
