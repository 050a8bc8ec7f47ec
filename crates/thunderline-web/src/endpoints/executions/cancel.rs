//! `POST /api/v1/executions/{id}/cancel`

use axum::{
    Json,
    extract::{Path, State},
};
use thundervine::workflow::actions::cancel;

use crate::{
    body::Input,
    caller::Caller,
    dto::{federation::CancelRequest, problem::ProblemDetails, workflow::Execution},
    problem::Failure,
    state::Web,
};

/// Stop an execution and undo what it did, in reverse order.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/cancel", tag = "workflows", params(("id" = String, Path)),
    request_body(content = CancelRequest),
    responses(
        (status = OK, body = Execution),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is over or ending already."),
    )
)]
pub async fn cancel(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
    Input(request): Input<CancelRequest>,
) -> Result<Json<Execution>, Failure> {
    let reason = match request.reason.trim() {
        "" => "no reason was given",
        reason => reason,
    };
    let execution = cancel::cancel(&cx, &web.domains().vine, id.parse()?, reason).await?;
    Ok(Json(execution.into()))
}
