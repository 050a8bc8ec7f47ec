//! `POST /api/v1/dead-letters/{id}/replay`

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use thunderflow::dead_letters::replay;

use crate::{
    caller::TokenCaller,
    dto::{dead_letter::Due, problem::ProblemDetails},
    problem::Failure,
    state::Web,
};

/// Try an event again, with all that wait with it: those of the same consumer about the same thing, in order.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/{id}/replay", tag = "dead letters", params(("id" = String, Path)),
    responses(
        (status = ACCEPTED, body = Due),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It was replayed or dropped."),
    )
)]
pub async fn replay(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Due>), Failure> {
    let due = replay::replay(&cx, &web.domains().flow, super::id(&id)?).await?;
    Ok((StatusCode::ACCEPTED, Json(Due { due })))
}
