//! `GET /api/v1/lineage/{artifact}`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use thundervine::lineage::read;
use utoipa::IntoParams;

use crate::{caller::Caller, dto::lineage::Lineage, problem::Failure, state::Web};

/// Rounds that are gone back when the caller does not say how many.
const DEPTH: u32 = 100;

/// How much history.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How many rounds to go back: 100 unless told otherwise, 1000 at most.
    depth: Option<u32>,
}

/// What made this model: round by round, with every contributing node, back to where it began. The artifact is named by its
/// id or by `sha256:<digest>`.
#[utoipa::path(
    get, path = "/api/v1/lineage/{artifact}", tag = "lineage", params(("artifact" = String, Path), Wanted),
    responses((status = OK, body = Lineage))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(artifact): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Lineage>, Failure> {
    let depth = wanted.depth.unwrap_or(DEPTH);
    let lineage = read::lineage(&cx, &web.domains().vine, &artifact, depth).await?;
    Ok(Json(lineage.into()))
}
