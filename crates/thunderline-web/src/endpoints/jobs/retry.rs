//! `POST /api/v1/jobs/{id}/retry`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{
    caller::Caller,
    dto::{job::Job, problem::ProblemDetails},
    problem::Failure,
    state::Web,
};

/// Let a job that is over run again, with all its attempts before it.
#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/retry", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = OK, body = Job),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is not over, or the same job waits already."),
    )
)]
pub async fn retry(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Job>, Failure> {
    let job = thunderblock::jobs::retry::retry(&cx, &web.domains().block, id.parse()?).await?;
    Ok(Json(job.into()))
}
