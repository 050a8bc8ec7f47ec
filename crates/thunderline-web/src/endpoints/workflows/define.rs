//! `POST /api/v1/workflows`

use axum::{Json, extract::State, http::StatusCode};
use thundervine::workflow::actions::define;

use crate::{
    body::Text,
    caller::Caller,
    dto::{problem::ProblemDetails, workflow::Workflow},
    problem::Failure,
    state::Web,
};

/// Define a workflow, or a new version of it. The body is the document, in YAML or JSON. What means the same as the newest
/// version is that version.
#[utoipa::path(
    post, path = "/api/v1/workflows", tag = "workflows",
    request_body(content = String, content_type = "application/yaml"),
    responses(
        (status = CREATED, body = Workflow),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "All that is wrong with the document, at once."),
    )
)]
pub async fn define(
    State(web): State<Web>,
    Caller(cx): Caller,
    Text(document): Text,
) -> Result<(StatusCode, Json<Workflow>), Failure> {
    let workflow = define::define(&cx, &web.domains().vine, &document).await?;
    Ok((StatusCode::CREATED, Json(workflow.into())))
}
