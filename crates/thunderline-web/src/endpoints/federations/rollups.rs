//! `GET /api/v1/federations/{id}/rollups`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use federation::actions::read;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{page::Page, rollup::Rollup},
    problem::Failure,
    state::Web,
};

/// Which of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only rounds after this number.
    after: Option<u32>,
}

/// The metrics of every completed round of a federation, in order.
#[utoipa::path(
    get, path = "/api/v1/federations/{id}/rollups", tag = "federations", params(("id" = String, Path), Wanted),
    responses((status = OK, body = Page<Rollup>))
)]
pub async fn rollups(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Rollup>>, Failure> {
    let after = wanted.after.unwrap_or(0);
    Ok(Json(Page::whole(read::list_rollups(&cx, web.federations(), id.parse()?, after).await?)))
}
