//! `DELETE /api/v1/node-groups/{name}`

use axum::{
    extract::{Path, State},
    http::StatusCode,
};

use crate::{caller::Caller, dto::problem::ProblemDetails, problem::Failure, state::Web};

/// Delete a group of nodes. The nodes stay.
#[utoipa::path(
    delete, path = "/api/v1/node-groups/{name}", tag = "nodes", params(("name" = String, Path)),
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It still has parts."),
    )
)]
pub async fn delete(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    thunderlink::groups::delete::delete_group(&cx, web.links(), &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
