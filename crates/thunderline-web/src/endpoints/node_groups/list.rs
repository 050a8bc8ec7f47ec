//! `GET /api/v1/node-groups`

use axum::{Json, extract::State};

use crate::{
    caller::Caller,
    dto::{group::NodeGroup, page::Page},
    problem::Failure,
    state::Web,
};

/// All groups of nodes by name.
#[utoipa::path(
    get, path = "/api/v1/node-groups", tag = "nodes", responses((status = OK, body = Page<NodeGroup>))
)]
pub async fn list(State(web): State<Web>, Caller(cx): Caller) -> Result<Json<Page<NodeGroup>>, Failure> {
    Ok(Json(Page::whole(thunderlink::groups::list_groups(&cx, web.links()).await?)))
}
