//! `GET /api/v1/nodes`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        node::Node,
        page::{self, Page},
    },
    endpoints::before,
    problem::Failure,
    state::Web,
};

/// Which nodes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How many at most: 50 unless told otherwise, 1000 at most.
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is.
    before: Option<String>,
}

/// Nodes, the newest first.
#[utoipa::path(
    get, path = "/api/v1/nodes", tag = "nodes", params(Wanted), responses((status = OK, body = Page<Node>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Node>>, Failure> {
    let (before, limit) = (before(wanted.before.as_deref())?, page::limit(wanted.limit));
    let found = thunderlink::read::list_nodes(&cx, web.links(), before, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |node| node.registered_at.to_string())))
}
