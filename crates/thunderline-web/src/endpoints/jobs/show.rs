//! `GET /api/v1/jobs/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderblock::jobs::read;

use crate::{caller::Caller, dto::job::JobDetails, problem::Failure, state::Web};

/// One job with its payload and every attempt that is over.
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses((status = OK, body = JobDetails))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<JobDetails>, Failure> {
    Ok(Json(read::get(&cx, &web.domains().block, id.parse()?).await?.into()))
}
