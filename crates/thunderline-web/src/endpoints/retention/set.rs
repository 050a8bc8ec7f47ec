//! `POST /api/v1/retention/{resource}/set`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderblock::retention::{self, Keep};
use thunderline_core::{Error, SignedDuration};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        problem::ProblemDetails,
        retention::{RetentionRequest, RetentionRule},
    },
    endpoints::retention::scope,
    problem::Failure,
    state::Web,
};

/// Set what is kept of a resource, in place of what was set before. Needs the role admin.
#[utoipa::path(
    post, path = "/api/v1/retention/{resource}/set", tag = "retention", params(("resource" = String, Path)),
    request_body(content = RetentionRequest),
    responses(
        (status = OK, body = RetentionRule),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "The resource is unknown, or the rule makes no sense."),
    )
)]
pub async fn set(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(resource): Path<String>,
    Input(request): Input<RetentionRequest>,
) -> Result<Json<RetentionRule>, Failure> {
    let archive = match request.action.as_deref() {
        None | Some("delete") => false,
        Some("archive") => true,
        Some(other) => {
            let reason = format!("'{other}' is no action");
            return Err(Error::invalid_value("action", reason, "delete, archive").into());
        }
    };
    let keep = Keep {
        keep_for: request.keep_seconds.map(SignedDuration::from_secs),
        keep_newest: request.keep_newest,
    };
    let grace = SignedDuration::from_secs(request.grace_seconds.unwrap_or(0));
    let (block, scope) = (&web.domains().block, scope(request.scope.as_deref())?);
    let rule = retention::set(&cx, block, &resource, scope, keep, archive, grace).await?;
    Ok(Json((&rule).into()))
}
