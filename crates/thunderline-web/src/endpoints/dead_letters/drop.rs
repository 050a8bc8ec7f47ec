//! `POST /api/v1/dead-letters/{id}/drop`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderflow::dead_letters::drop;

use crate::{
    caller::TokenCaller,
    dto::{dead_letter::Due, problem::ProblemDetails},
    problem::Failure,
    state::Web,
};

/// Give an event up for good. Events that only waited behind it are handed over.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/{id}/drop", tag = "dead letters", params(("id" = String, Path)),
    responses(
        (status = OK, body = Due),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It was replayed or dropped."),
    )
)]
pub async fn drop(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(id): Path<String>,
) -> Result<Json<Due>, Failure> {
    let due = drop::drop_letter(&cx, &web.domains().flow, super::id(&id)?).await?;
    Ok(Json(Due { due }))
}
