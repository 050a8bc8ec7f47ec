//! `POST /api/v1/federations`

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use federation::actions::submit;

use crate::{
    body::Text,
    caller::Caller,
    dto::{federation::Federation, problem::ProblemDetails},
    problem::Failure,
    state::Web,
};

/// Submit a federation. The body is the spec, in YAML or JSON. It begins by itself.
#[utoipa::path(
    post, path = "/api/v1/federations", tag = "federations",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "Repeating a request with the same key gives the federation that the first one made.")),
    request_body(content = String, content_type = "application/yaml"),
    responses(
        (status = CREATED, body = Federation),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "All that is wrong with the spec, at once."),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn submit(
    State(web): State<Web>,
    Caller(cx): Caller,
    headers: HeaderMap,
    Text(document): Text,
) -> Result<(StatusCode, Json<Federation>), Failure> {
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let federation = submit::submit(&cx, web.federations(), &document, key).await?;
    Ok((StatusCode::CREATED, Json(federation.into())))
}
