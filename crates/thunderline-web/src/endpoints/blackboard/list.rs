//! `GET /api/v1/blackboard`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use thunderflow::blackboard::read;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{blackboard::Board, page},
    problem::Failure,
    state::Web,
};

/// Which values.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `global` (the database; the default) or `node` (the process that answers).
    scope: Option<String>,
    /// Only keys that begin with this.
    prefix: Option<String>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Values on the blackboard, by key.
#[utoipa::path(
    get, path = "/api/v1/blackboard", tag = "blackboard", params(Wanted), responses((status = OK, body = Board))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Board>, Failure> {
    let (flow, scope) = (&web.domains().flow, super::scope(wanted.scope.as_deref())?);
    let (prefix, limit) = (wanted.prefix.as_deref().unwrap_or_default(), page::limit(wanted.limit)?);
    let items = read::list(&cx, flow, scope, prefix, limit).await?;
    let counts = flow.board.counts(scope);
    let items = items.into_iter().map(Into::into).collect();
    Ok(Json(Board { hits: counts.hits, misses: counts.misses, items }))
}
