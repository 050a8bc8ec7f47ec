//! `GET /api/v1/flags/{name}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderflow::flags::read;

use crate::{caller::Caller, dto::flag::Flag, problem::Failure, state::Web};

/// One feature flag.
#[utoipa::path(
    get, path = "/api/v1/flags/{name}", tag = "flags", params(("name" = String, Path)),
    responses((status = OK, body = Flag))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
) -> Result<Json<Flag>, Failure> {
    Ok(Json(read::get_flag(&cx, &web.domains().flow, &name).await?.into()))
}
