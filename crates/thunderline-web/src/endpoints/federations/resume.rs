//! `POST /api/v1/federations/{id}/resume`

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

/// Let a paused federation go on.
#[utoipa::path(
    post, path = "/api/v1/federations/{id}/resume", tag = "federations", params(("id" = String, Path)),
    responses(
        (status = OK, body = Federation),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Its state does not allow it."),
    )
)]
pub async fn resume(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Federation>, Failure> {
    let federation = federation::actions::resume::resume(&cx, web.federations(), id.parse()?).await?;
    Ok(Json(federation.into()))
}
