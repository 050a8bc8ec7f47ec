//! `GET /api/v1/domains`

use axum::{Json, extract::State};

use crate::{
    caller::Caller,
    dto::domain::{Domain, Mesh},
    problem::Failure,
    state::Web,
};

/// Every domain: whether it is alive, and why not.
#[utoipa::path(get, path = "/api/v1/domains", tag = "domains", responses((status = OK, body = Mesh)))]
pub async fn list(State(web): State<Web>, Caller(cx): Caller) -> Result<Json<Mesh>, Failure> {
    let rows = thunderblock::registry::domains(&cx, &web.domains().block).await?;
    let mesh = web.live().now();
    Ok(Json(Mesh {
        node: mesh.node.clone(),
        tick: mesh.tick.as_ref().map(|tick| tick.sequence),
        tick_at: mesh.tick.as_ref().map(|tick| tick.at),
        active: mesh.active(),
        ready: mesh.not_ready().next().is_none(),
        domains: mesh.domains.iter().map(Domain::from).collect(),
        elsewhere: rows.into_iter().filter(|row| row.node != mesh.node).map(Into::into).collect(),
    }))
}
