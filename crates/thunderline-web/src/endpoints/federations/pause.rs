//! `POST /api/v1/federations/{id}/pause`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{
    caller::Caller,
    dto::{federation::Federation, problem::ProblemDetails},
    problem::Failure,
    state::Web,
};

/// Let a federation wait: a running round finishes, no new one begins.
#[utoipa::path(
    post, path = "/api/v1/federations/{id}/pause", tag = "federations", params(("id" = String, Path)),
    responses(
        (status = OK, body = Federation),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Its state does not allow it."),
    )
)]
pub async fn pause(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Federation>, Failure> {
    let federation = federation::actions::pause::pause(&cx, web.federations(), id.parse()?).await?;
    Ok(Json(federation.into()))
}
