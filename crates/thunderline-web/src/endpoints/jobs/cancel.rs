//! `POST /api/v1/jobs/{id}/cancel`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        job::{CancelJob, Job},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// Let a job not run. One that runs is taken away from its handler, which is stopped.
#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = String, Path)),
    request_body(content = CancelJob),
    responses(
        (status = OK, body = Job),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is over already."),
    )
)]
pub async fn cancel(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
    Input(request): Input<CancelJob>,
) -> Result<Json<Job>, Failure> {
    let reason = match request.reason.trim() {
        "" => "no reason was given",
        reason => reason,
    };
    let job = thunderblock::jobs::cancel::cancel(&cx, &web.domains().block, id.parse()?, reason).await?;
    Ok(Json(job.into()))
}
