//! `GET /api/v1/nodes`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use thunderline_core::{Error, Result};
use thunderlink::{Filter, NodeState, read};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        node::Node,
        page::{self, Page},
    },
    endpoints::place,
    problem::Failure,
    state::Web,
};

/// Which nodes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those in this state: `online`, `offline` or `unregistered`.
    state: Option<String>,
    /// Only those in the group of this name, or in one of its parts.
    group: Option<String>,
    /// Only those with this label.
    tag: Option<String>,
    /// Only those with this capability: enabled, and neither false nor 0.
    capability: Option<String>,
    /// Only those whose name begins so.
    name: Option<String>,
    /// Only those that are shut out, or only those that are not.
    evicted: Option<bool>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
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
    let (before, limit) = (place(wanted.before.as_deref())?, page::limit(wanted.limit)?);
    let filter = Filter {
        state: wanted.state.as_deref().map(state).transpose()?,
        group: wanted.group,
        tag: wanted.tag,
        capability: wanted.capability,
        name: wanted.name,
        evicted: wanted.evicted,
    };
    let found = read::list_nodes(&cx, web.links(), &filter, before, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |view| format!("{}_{}", view.node.registered_at, view.node.id))))
}

fn state(name: &str) -> Result<NodeState> {
    NodeState::named(name).ok_or_else(|| {
        Error::invalid_value("state", format!("'{name}' is not a state"), "online, offline, unregistered")
    })
}
