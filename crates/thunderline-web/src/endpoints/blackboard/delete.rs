//! `DELETE /api/v1/blackboard/{key}`

use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
};
use thunderflow::blackboard::change;

use super::In;
use crate::{caller::TokenCaller, problem::Failure, state::Web};

/// Delete a value.
#[utoipa::path(
    delete, path = "/api/v1/blackboard/{key}", tag = "blackboard", params(("key" = String, Path), In),
    responses((status = NO_CONTENT))
)]
pub async fn delete(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(key): Path<String>,
    Query(at): Query<In>,
) -> Result<StatusCode, Failure> {
    change::delete(&cx, &web.domains().flow, super::scope(at.scope.as_deref())?, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}
