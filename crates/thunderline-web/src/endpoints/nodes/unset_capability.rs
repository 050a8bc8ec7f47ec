//! `DELETE /api/v1/nodes/{id}/capabilities/{key}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderlink::capabilities::{Word, set_capability};

use crate::{caller::Caller, dto::node::Node, problem::Failure, state::Web};

/// Take back what was said of a node's capability: what the node reports counts again.
#[utoipa::path(
    delete, path = "/api/v1/nodes/{id}/capabilities/{key}", tag = "nodes",
    params(("id" = String, Path), ("key" = String, Path)), responses((status = OK, body = Node))
)]
pub async fn unset(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path((id, key)): Path<(String, String)>,
) -> Result<Json<Node>, Failure> {
    Ok(Json(set_capability(&cx, web.links(), id.parse()?, &key, Word::TakenBack).await?.into()))
}
