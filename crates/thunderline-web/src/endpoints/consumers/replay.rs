//! `POST /api/v1/consumers/{name}/replay`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderflow::events::reset;

use crate::{
    body::Input,
    caller::TokenCaller,
    dto::{
        consumer::{Replay, ReplayFrom},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// Let a consumer begin with another event: it sees that one and all after it again.
#[utoipa::path(
    post, path = "/api/v1/consumers/{name}/replay", tag = "events", params(("name" = String, Path)),
    request_body = ReplayFrom,
    responses(
        (status = OK, body = Replay),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "That event is not kept, or has not happened."),
    )
)]
pub async fn replay(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(consumer): Path<String>,
    Input(ReplayFrom { from }): Input<ReplayFrom>,
) -> Result<Json<Replay>, Failure> {
    let (before, now) = reset::reset(&cx, &web.domains().flow, &consumer, from).await?;
    Ok(Json(Replay { consumer, before, now }))
}
