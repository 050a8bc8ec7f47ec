//! `GET /api/v1/nodes/{id}`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{caller::Caller, dto::node::Node, problem::Failure, state::Web};

/// One node.
#[utoipa::path(
    get, path = "/api/v1/nodes/{id}", tag = "nodes", params(("id" = String, Path)),
    responses((status = OK, body = Node))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Node>, Failure> {
    Ok(Json(thunderlink::read::get_node(&cx, web.links(), id.parse()?).await?.into()))
}
