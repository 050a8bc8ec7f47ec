//! `GET /api/v1/zones/{name}/nodes`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use thundergrid::actions::read;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        page::{self, Page},
        zone::ZoneNode,
    },
    endpoints::id_in,
    problem::Failure,
    state::Web,
};

/// Which of them.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is.
    after: Option<String>,
}

/// The nodes of a zone in the order of their ids.
#[utoipa::path(
    get, path = "/api/v1/zones/{name}/nodes", tag = "zones", params(("name" = String, Path), Wanted),
    responses((status = OK, body = Page<ZoneNode>))
)]
pub async fn nodes(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<ZoneNode>>, Failure> {
    let limit = page::limit(wanted.limit)?;
    let after = id_in("after", wanted.after.as_deref())?;
    let found = read::list_nodes(&cx, &web.domains().grid, &name, after, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |placed| placed.node.to_string())))
}
