//! `PUT /api/v1/blackboard/{key}`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use thunderflow::blackboard::change;
use thunderline_core::SignedDuration;

use super::In;
use crate::{
    body::Input,
    caller::TokenCaller,
    dto::{
        blackboard::{Entry, NewEntry},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// Put a value. Its type stays until it is deleted or has expired.
#[utoipa::path(
    put, path = "/api/v1/blackboard/{key}", tag = "blackboard", params(("key" = String, Path), In),
    request_body = NewEntry,
    responses(
        (status = OK, body = Entry),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "A value of another type is there."),
    )
)]
pub async fn put(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(key): Path<String>,
    Query(at): Query<In>,
    Input(new): Input<NewEntry>,
) -> Result<Json<Entry>, Failure> {
    let (scope, ttl) = (super::scope(at.scope.as_deref())?, new.ttl_seconds.map(SignedDuration::from_secs));
    Ok(Json(change::put(&cx, &web.domains().flow, scope, &key, new.value, ttl).await?.into()))
}
