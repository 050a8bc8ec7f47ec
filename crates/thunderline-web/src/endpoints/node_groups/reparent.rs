//! `PUT /api/v1/node-groups/{name}/parent`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{
    body::Input,
    caller::Caller,
    dto::group::{NodeGroup, NodeGroupMove},
    problem::Failure,
    state::Web,
};

/// Make a group a part of another one, or of none.
#[utoipa::path(
    put, path = "/api/v1/node-groups/{name}/parent", tag = "nodes", params(("name" = String, Path)),
    request_body(content = NodeGroupMove), responses((status = OK, body = NodeGroup))
)]
pub async fn reparent(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
    Input(request): Input<NodeGroupMove>,
) -> Result<Json<NodeGroup>, Failure> {
    let parent = request.parent.as_deref();
    Ok(Json(thunderlink::groups::reparent::move_group(&cx, web.links(), &name, parent).await?.into()))
}
