//! `GET /api/v1/federations/{id}/rollups`

use axum::{
    Json,
    extract::{Path, State},
};
use federation::actions::read;

use crate::{
    caller::Caller,
    dto::{page::Page, rollup::Rollup},
    problem::Failure,
    state::Web,
};

/// The metrics of every completed round of a federation, in order.
#[utoipa::path(
    get, path = "/api/v1/federations/{id}/rollups", tag = "federations", params(("id" = String, Path)),
    responses((status = OK, body = Page<Rollup>))
)]
pub async fn rollups(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Page<Rollup>>, Failure> {
    Ok(Json(Page::whole(read::list_rollups(&cx, web.federations(), id.parse()?).await?)))
}
