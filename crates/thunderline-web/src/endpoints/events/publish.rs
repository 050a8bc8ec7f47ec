//! `POST /api/v1/events`

use axum::{Json, extract::State, http::StatusCode};
use thunderflow::events::publish::{self, Published};

use crate::{
    body::Input,
    caller::TokenCaller,
    dto::{
        fact::{Fact, Taken},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// Tell a fact of another system. It becomes the event `evt.external.received` about that source; telling it again under
/// the same id changes nothing.
#[utoipa::path(
    post, path = "/api/v1/events", tag = "events", request_body = Fact,
    responses(
        (status = CREATED, body = Taken),
        (status = OK, body = Taken, description = "It was told before."),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn publish(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Input(fact): Input<Fact>,
) -> Result<(StatusCode, Json<Taken>), Failure> {
    let taken = publish::publish(&cx, &web.domains().flow, fact.into()).await? == Published::Taken;
    let status = if taken { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(Taken { taken })))
}
