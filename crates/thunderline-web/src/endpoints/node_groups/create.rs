//! `POST /api/v1/node-groups`

use axum::{Json, extract::State, http::StatusCode};
use thunderline_core::Error;
use thunderlink::{
    GroupKind,
    groups::create::{NewGroup, create_group},
};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        group::{NodeGroup, NodeGroupRequest},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// Make a group of nodes.
#[utoipa::path(
    post, path = "/api/v1/node-groups", tag = "nodes", request_body(content = NodeGroupRequest),
    responses(
        (status = CREATED, body = NodeGroup),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "The name is taken."),
    )
)]
pub async fn create(
    State(web): State<Web>,
    Caller(cx): Caller,
    Input(request): Input<NodeGroupRequest>,
) -> Result<(StatusCode, Json<NodeGroup>), Failure> {
    let kind = GroupKind::named(&request.kind).ok_or_else(|| {
        let known = GroupKind::ALL.map(GroupKind::name).join(", ");
        Error::invalid_value("kind", format!("'{}' is not a kind of group", request.kind), known)
    })?;
    let NodeGroupRequest { name, parent, description, .. } = request;
    let group = create_group(&cx, web.links(), NewGroup { name, kind, parent, description }).await?;
    Ok((StatusCode::CREATED, Json(group.into())))
}
