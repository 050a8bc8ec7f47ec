//! `POST /api/v1/dead-letters/replay`

use axum::{Json, extract::State, http::StatusCode};
use thunderflow::dead_letters::replay;

use crate::{
    body::Input,
    caller::TokenCaller,
    dto::dead_letter::{Due, ReplayOf},
    problem::Failure,
    state::Web,
};

/// Try all events again that wait, of one consumer or of all.
#[utoipa::path(
    post, path = "/api/v1/dead-letters/replay", tag = "dead letters", request_body = ReplayOf,
    responses((status = ACCEPTED, body = Due))
)]
pub async fn replay_all(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Input(ReplayOf { consumer }): Input<ReplayOf>,
) -> Result<(StatusCode, Json<Due>), Failure> {
    let due = replay::replay_all(&cx, &web.domains().flow, consumer.as_deref()).await?;
    Ok((StatusCode::ACCEPTED, Json(Due { due })))
}
