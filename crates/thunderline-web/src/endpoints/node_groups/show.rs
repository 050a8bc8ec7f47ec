//! `GET /api/v1/node-groups/{name}`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{caller::Caller, dto::group::NodeGroup, problem::Failure, state::Web};

/// One group of nodes. Its nodes: `GET /api/v1/nodes?group=NAME`.
#[utoipa::path(
    get, path = "/api/v1/node-groups/{name}", tag = "nodes", params(("name" = String, Path)),
    responses((status = OK, body = NodeGroup))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
) -> Result<Json<NodeGroup>, Failure> {
    Ok(Json(thunderlink::groups::get_group(&cx, web.links(), &name).await?.into()))
}
