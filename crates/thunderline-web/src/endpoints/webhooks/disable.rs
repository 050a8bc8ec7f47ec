//! `POST /api/v1/webhooks/{name}/disable`

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

/// Send nothing more until it is enabled again.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{name}/disable", tag = "webhooks", params(("name" = String, Path)),
    responses(
        (status = OK, body = Webhook),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Its state does not allow it."),
    )
)]
pub async fn disable(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(name): Path<String>,
) -> Result<Json<Webhook>, Failure> {
    Ok(Json(change::disable(&cx, &web.domains().flow, &name).await?.into()))
}
