//! `POST /api/v1/nodes/{id}/readmit`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{
    caller::Caller,
    dto::{node::Node, problem::ProblemDetails},
    problem::Failure,
    state::Web,
};

/// Let a node in again that was shut out.
#[utoipa::path(
    post, path = "/api/v1/nodes/{id}/readmit", tag = "nodes", params(("id" = String, Path)),
    responses(
        (status = OK, body = Node),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is not shut out."),
    )
)]
pub async fn readmit(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Node>, Failure> {
    Ok(Json(thunderlink::evict::readmit(&cx, web.links(), id.parse()?).await?.into()))
}
