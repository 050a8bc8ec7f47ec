//! `GET /api/v1/zones`

use axum::{Json, extract::State};

use crate::{
    caller::Caller,
    dto::{page::Page, zone::Zone},
    problem::Failure,
    state::Web,
};

/// All zones by name.
#[utoipa::path(get, path = "/api/v1/zones", tag = "zones", responses((status = OK, body = Page<Zone>)))]
pub async fn list(State(web): State<Web>, Caller(cx): Caller) -> Result<Json<Page<Zone>>, Failure> {
    let found = thundergrid::actions::read::list_zones(&cx, &web.domains().grid).await?;
    Ok(Json(Page::whole(found.into_iter().map(|(zone, nodes)| Zone::at(cx.now(), zone, nodes)))))
}
