//! `GET /api/v1/federations/{id}/rounds`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use federation::actions::read;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        page::{self, Page},
        round::Round,
    },
    problem::Failure,
    state::Web,
};

/// Which rounds.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only rounds with a number above this: the `next` of the piece before.
    after: Option<u32>,
}

/// The rounds of a federation in order, with every attempt.
#[utoipa::path(
    get, path = "/api/v1/federations/{id}/rounds", tag = "federations", params(("id" = String, Path), Wanted),
    responses((status = OK, body = Page<Round>))
)]
pub async fn rounds(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Round>>, Failure> {
    let (after, limit) = (wanted.after.unwrap_or(0), page::limit(wanted.limit)?);
    let found = read::list_rounds(&cx, web.federations(), id.parse()?, after, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |round| round.number.to_string())))
}
