//! `POST /api/v1/schedules`

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        problem::ProblemDetails,
        schedule::{CreateSchedule, Schedule},
    },
    problem::Failure,
    state::Web,
};

/// Make a schedule. It fires from now on.
#[utoipa::path(
    post, path = "/api/v1/schedules", tag = "schedules",
    request_body(content = CreateSchedule),
    responses(
        (status = CREATED, body = Schedule),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "All that is wrong with it, at once."),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "The name is taken."),
    )
)]
pub async fn create(
    State(web): State<Web>,
    Caller(cx): Caller,
    Input(request): Input<CreateSchedule>,
) -> Result<(StatusCode, Json<Schedule>), Failure> {
    let schedule =
        thunderblock::schedules::create::create(&cx, &web.domains().block, request.wanted()?).await?;
    Ok((StatusCode::CREATED, Json(schedule.into())))
}
