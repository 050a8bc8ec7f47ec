//! `POST /api/v1/federations/{id}/cancel`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        federation::{CancelRequest, Federation},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// End a federation for good. Models made so far are kept.
#[utoipa::path(
    post, path = "/api/v1/federations/{id}/cancel", tag = "federations", params(("id" = String, Path)),
    request_body(content = CancelRequest),
    responses(
        (status = OK, body = Federation),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is over already."),
    )
)]
pub async fn cancel(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
    Input(request): Input<CancelRequest>,
) -> Result<Json<Federation>, Failure> {
    let reason = match request.reason.trim() {
        "" => "no reason was given",
        reason => reason,
    };
    let federation = federation::actions::cancel::cancel(&cx, web.federations(), id.parse()?, reason).await?;
    Ok(Json(federation.into()))
}
