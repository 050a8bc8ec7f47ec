//! `GET /api/v1/zones/{name}`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{caller::Caller, dto::zone::Zone, problem::Failure, state::Web};

/// One zone.
#[utoipa::path(
    get, path = "/api/v1/zones/{name}", tag = "zones", params(("name" = String, Path)),
    responses((status = OK, body = Zone))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
) -> Result<Json<Zone>, Failure> {
    let (zone, nodes) = thundergrid::actions::read::get_zone(&cx, &web.domains().grid, &name).await?;
    Ok(Json(Zone::at(cx.now(), zone, nodes)))
}
