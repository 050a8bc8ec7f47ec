//! `GET /api/v1/decisions/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderprism::read;

use crate::{caller::Caller, dto::decision::DecisionDetails, problem::Failure, state::Web};

/// One decision, what led to it, and what followed from it.
#[utoipa::path(
    get, path = "/api/v1/decisions/{id}", tag = "decisions", params(("id" = String, Path)),
    responses((status = OK, body = DecisionDetails))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<DecisionDetails>, Failure> {
    let found = read::show(&cx, &web.domains().prism, id.parse()?).await?;
    Ok(Json(found.into()))
}
