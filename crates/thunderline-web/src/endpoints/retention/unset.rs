//! `POST /api/v1/retention/{resource}/unset`

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use crate::{
    body::Input, caller::Caller, dto::retention::RetentionScope, endpoints::retention::scope,
    problem::Failure, state::Web,
};

/// Take a rule back: the default counts again. Needs the role admin.
#[utoipa::path(
    post, path = "/api/v1/retention/{resource}/unset", tag = "retention", params(("resource" = String, Path)),
    request_body(content = RetentionScope), responses((status = OK, body = RetentionScope))
)]
pub async fn unset(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(resource): Path<String>,
    Input(request): Input<RetentionScope>,
) -> Result<(StatusCode, Json<RetentionScope>), Failure> {
    let scope = scope(request.scope.as_deref())?;
    thunderblock::retention::unset(&cx, &web.domains().block, &resource, scope).await?;
    Ok((StatusCode::OK, Json(RetentionScope { scope: Some(scope.to_string()) })))
}
