//! `GET /api/v1/nodes/{id}/heartbeats`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        node::Heartbeats,
        page::{self, Page},
    },
    endpoints::before,
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
    before: Option<String>,
}

/// A node's signs of life of the last day, ten minutes in a row, the newest first.
#[utoipa::path(
    get, path = "/api/v1/nodes/{id}/heartbeats", tag = "nodes", params(("id" = String, Path), Wanted),
    responses((status = OK, body = Page<Heartbeats>))
)]
pub async fn heartbeats(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Heartbeats>>, Failure> {
    let (before, limit) = (before(wanted.before.as_deref())?, page::limit(wanted.limit)?);
    let found = thunderlink::read::list_heartbeats(&cx, web.links(), id.parse()?, before, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |row| row.at.to_string())))
}
