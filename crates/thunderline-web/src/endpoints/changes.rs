//! `GET /api/v1/health/changes`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        health::HealthChange,
        page::{self, Page},
    },
    endpoints::before,
    problem::Failure,
    state::Web,
};

/// Which changes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is.
    before: Option<String>,
}

/// How health changed, the newest first.
#[utoipa::path(
    get, path = "/api/v1/health/changes", tag = "health", params(Wanted),
    responses((status = OK, body = Page<HealthChange>))
)]
pub async fn changes(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<HealthChange>>, Failure> {
    let (before, limit) = (before(wanted.before.as_deref())?, page::limit(wanted.limit)?);
    let found = thunderblock::health::changes(&cx, &web.domains().block, before, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |change| change.at.to_string())))
}
