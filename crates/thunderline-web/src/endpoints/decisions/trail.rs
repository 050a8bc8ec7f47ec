//! `GET /api/v1/decisions/trail/{correlation}`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use thunderline_core::Error;
use thunderprism::read;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    caller::Caller,
    dto::{
        decision::Decision,
        page::{self, Page},
    },
    problem::Failure,
    state::Web,
};

/// Which piece.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only decisions after this sequence number: the `next` of the piece before.
    after: Option<i64>,
}

/// Everything that was decided because of one request. The correlation is what the request was answered with in
/// `x-correlation-id`, or the `correlation` or `trail` of a decision.
#[utoipa::path(
    get, path = "/api/v1/decisions/trail/{correlation}", tag = "decisions",
    params(("correlation" = String, Path), Wanted), responses((status = OK, body = Page<Decision>))
)]
pub async fn trail(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(correlation): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Decision>>, Failure> {
    let correlation = Uuid::parse_str(&correlation).map_err(|_| {
        let reason = format!("'{correlation}' is not a correlation id");
        Error::invalid_value("correlation", reason, "a UUID, as a decision or x-correlation-id names it")
    })?;
    let (after, limit) = (wanted.after.unwrap_or(0), page::limit(wanted.limit)?);
    let found = read::trail(&cx, &web.domains().prism, correlation, after, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |decision| decision.sequence.to_string())))
}
