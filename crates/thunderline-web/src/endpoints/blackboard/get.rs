//! `GET /api/v1/blackboard/{key}`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use thunderflow::blackboard::read;
use thunderline_core::Error;

use super::In;
use crate::{caller::Caller, dto::blackboard::Entry, problem::Failure, state::Web};

/// One value.
#[utoipa::path(
    get, path = "/api/v1/blackboard/{key}", tag = "blackboard", params(("key" = String, Path), In),
    responses((status = OK, body = Entry))
)]
pub async fn get(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(key): Path<String>,
    Query(at): Query<In>,
) -> Result<Json<Entry>, Failure> {
    let scope = super::scope(at.scope.as_deref())?;
    let found = read::find(&cx, &web.domains().flow, scope, &key).await?;
    Ok(Json(found.ok_or_else(|| Error::not_found(format_args!("the {scope} value {key}")))?.into()))
}
