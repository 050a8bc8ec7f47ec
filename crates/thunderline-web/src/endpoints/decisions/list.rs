//! `GET /api/v1/decisions`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use thunderprism::read::{self, Filter};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        decision::Decision,
        page::{self, Page},
    },
    endpoints::id_in,
    problem::Failure,
    state::Web,
};

/// Which decisions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those in this federation.
    federation: Option<String>,
    /// Only those in rounds of this number.
    round: Option<u32>,
    /// Only those of this kind.
    kind: Option<String>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only decisions after this sequence number: the `next` of the piece before.
    after: Option<i64>,
}

/// Decisions in the order in which they were made, each as a sentence with its details.
#[utoipa::path(
    get, path = "/api/v1/decisions", tag = "decisions", params(Wanted),
    responses((status = OK, body = Page<Decision>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Decision>>, Failure> {
    let (after, limit) = (wanted.after.unwrap_or(0), page::limit(wanted.limit)?);
    let federation = id_in("federation", wanted.federation.as_deref())?;
    let filter = Filter { federation, round: wanted.round, kind: wanted.kind };
    let found = read::list(&cx, &web.domains().prism, &filter, after, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |decision| decision.sequence.to_string())))
}
