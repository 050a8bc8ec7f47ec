//! `POST /api/v1/jobs/{id}/run`

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

/// Let a waiting job run now, before all others and whatever its time.
#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/run", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = OK, body = Job),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It does not wait."),
    )
)]
pub async fn run(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Job>, Failure> {
    let job = thunderblock::jobs::run::run(&cx, &web.domains().block, id.parse()?).await?;
    Ok(Json(job.into()))
}
