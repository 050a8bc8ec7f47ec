//! `POST /api/v1/webhooks/{name}/enable`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderflow::webhooks::change;

use crate::{
    caller::TokenCaller,
    dto::{problem::ProblemDetails, webhook::Webhook},
    problem::Failure,
    state::Web,
};

/// Send events again: those that wait or were given up, in order. Events that happened while it was disabled are not sent.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{name}/enable", tag = "webhooks", params(("name" = String, Path)),
    responses(
        (status = OK, body = Webhook),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Its state does not allow it."),
    )
)]
pub async fn enable(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(name): Path<String>,
) -> Result<Json<Webhook>, Failure> {
    Ok(Json(change::enable(&cx, &web.domains().flow, &name).await?.into()))
}
