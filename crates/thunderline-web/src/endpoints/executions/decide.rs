//! `POST /api/v1/executions/{id}/nodes/{node}/decide`

use axum::{
    Json,
    extract::{Path, State},
};
use thundervine::workflow::actions::decide;

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        problem::ProblemDetails,
        workflow::{DecideRequest, Execution},
    },
    problem::Failure,
    state::Web,
};

/// Decide on a node that waits for a person.
#[utoipa::path(
    post, path = "/api/v1/executions/{id}/nodes/{node}/decide", tag = "workflows",
    params(("id" = String, Path), ("node" = String, Path)), request_body(content = DecideRequest),
    responses(
        (status = OK, body = Execution),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "The node does not wait for a person."),
    )
)]
pub async fn decide(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path((id, node)): Path<(String, String)>,
    Input(request): Input<DecideRequest>,
) -> Result<Json<Execution>, Failure> {
    let (id, approved, comment) = (id.parse()?, request.approved, request.comment.trim());
    let execution = decide::decide(&cx, &web.domains().vine, id, &node, approved, comment).await?;
    Ok(Json(execution.into()))
}
