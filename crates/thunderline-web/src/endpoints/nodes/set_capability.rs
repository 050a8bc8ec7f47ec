//! `PUT /api/v1/nodes/{id}/capabilities/{key}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderlink::capabilities::{Word, set_capability};

use crate::{
    body::Input,
    caller::Caller,
    dto::node::{CapabilityRequest, Node},
    problem::Failure,
    state::Web,
};

/// Say what a node can do. It counts before what the node says of itself.
#[utoipa::path(
    put, path = "/api/v1/nodes/{id}/capabilities/{key}", tag = "nodes",
    params(("id" = String, Path), ("key" = String, Path)), request_body(content = CapabilityRequest),
    responses((status = OK, body = Node))
)]
pub async fn set(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path((id, key)): Path<(String, String)>,
    Input(request): Input<CapabilityRequest>,
) -> Result<Json<Node>, Failure> {
    let word = Word::Is { value: request.value, enabled: request.enabled };
    Ok(Json(set_capability(&cx, web.links(), id.parse()?, &key, word).await?.into()))
}
