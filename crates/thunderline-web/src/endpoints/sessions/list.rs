//! `GET /api/v1/sessions`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        node::Session,
        page::{self, Page},
    },
    endpoints::{id_in, place},
    problem::Failure,
    state::Web,
};

/// Which sessions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those of this node.
    node: Option<String>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is.
    before: Option<String>,
}

/// Nodes' sessions, from their coming to their going, the newest first.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "nodes", params(Wanted), responses((status = OK, body = Page<Session>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Session>>, Failure> {
    let (before, limit) = (place(wanted.before.as_deref())?, page::limit(wanted.limit)?);
    let node = id_in("node", wanted.node.as_deref())?;
    let found = thunderlink::read::list_sessions(&cx, web.links(), node, before, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |session| format!("{}_{}", session.opened_at, session.id))))
}
