//! `POST /api/v1/node-groups/{name}/members`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderline_core::{NodeId, Result};
use thunderlink::groups::members::change_members;

use crate::{
    body::Input,
    caller::Caller,
    dto::group::{MembersRequest, NodeGroup},
    endpoints::node_ids,
    problem::Failure,
    state::Web,
};

/// Put nodes into a group and take others out.
#[utoipa::path(
    post, path = "/api/v1/node-groups/{name}/members", tag = "nodes", params(("name" = String, Path)),
    request_body(content = MembersRequest), responses((status = OK, body = NodeGroup))
)]
pub async fn members(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
    Input(request): Input<MembersRequest>,
) -> Result<Json<NodeGroup>, Failure> {
    let add: Vec<NodeId> = node_ids("add", &request.add)?;
    let remove = node_ids("remove", &request.remove)?;
    Ok(Json(change_members(&cx, web.links(), &name, &add, &remove).await?.into()))
}
