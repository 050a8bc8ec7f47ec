//! `POST /api/v1/nodes/{id}/evict`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        node::{EvictRequest, Node},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// Shut a node out: its key is refused until it is readmitted, and what it was working on ends.
#[utoipa::path(
    post, path = "/api/v1/nodes/{id}/evict", tag = "nodes", params(("id" = String, Path)),
    request_body(content = EvictRequest),
    responses(
        (status = OK, body = Node),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is shut out already."),
    )
)]
pub async fn evict(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
    Input(request): Input<EvictRequest>,
) -> Result<Json<Node>, Failure> {
    Ok(Json(thunderlink::evict::evict(&cx, web.links(), id.parse()?, &request.reason).await?.into()))
}
