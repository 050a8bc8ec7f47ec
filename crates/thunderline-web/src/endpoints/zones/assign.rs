//! `POST /api/v1/zones/assign`

use axum::{extract::State, http::StatusCode};

use crate::{
    body::Input, caller::Caller, dto::zone::AssignRequest, endpoints::node_ids, problem::Failure, state::Web,
};

/// Put nodes into a zone by hand, or leave their places to their labels again.
#[utoipa::path(
    post, path = "/api/v1/zones/assign", tag = "zones", request_body(content = AssignRequest),
    responses((status = NO_CONTENT))
)]
pub async fn assign(
    State(web): State<Web>,
    Caller(cx): Caller,
    Input(request): Input<AssignRequest>,
) -> Result<StatusCode, Failure> {
    let nodes = node_ids("nodes", &request.nodes)?;
    thundergrid::actions::assign::assign(&cx, &web.domains().grid, request.zone.as_deref(), &nodes).await?;
    Ok(StatusCode::NO_CONTENT)
}
