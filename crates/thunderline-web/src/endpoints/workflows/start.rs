//! `POST /api/v1/workflows/{name}/executions`

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
};
use thundervine::workflow::actions::start::{self, Start};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        problem::ProblemDetails,
        workflow::{Execution, StartRequest},
    },
    problem::Failure,
    state::Web,
};

/// Start a workflow. It goes on by itself.
#[utoipa::path(
    post, path = "/api/v1/workflows/{name}/executions", tag = "workflows",
    params(
        ("name" = String, Path),
        ("Idempotency-Key" = Option<String>, Header,
            description = "Repeating a request with the same key gives the execution that the first one started."),
    ),
    request_body(content = StartRequest),
    responses(
        (status = CREATED, body = Execution),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "Inputs that the workflow does not have, or that are missing."),
    )
)]
pub async fn start(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
    Input(request): Input<StartRequest>,
) -> Result<(StatusCode, Json<Execution>), Failure> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let start = Start {
        workflow: name,
        version: request.version,
        inputs: request.inputs,
        idempotency_key: key.map(str::to_owned),
    };
    let execution = start::start(&cx, &web.domains().vine, &start).await?;
    Ok((StatusCode::CREATED, Json(execution.into())))
}
