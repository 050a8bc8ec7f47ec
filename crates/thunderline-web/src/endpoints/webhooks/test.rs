//! `POST /api/v1/webhooks/{name}/test`

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

/// Send an event of no further meaning (`flow.webhook.tested`) to this webhook; see its deliveries for what became of it.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{name}/test", tag = "webhooks", params(("name" = String, Path)),
    responses(
        (status = OK, body = Webhook),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Its state does not allow it."),
    )
)]
pub async fn test(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(name): Path<String>,
) -> Result<Json<Webhook>, Failure> {
    Ok(Json(change::test(&cx, &web.domains().flow, &name).await?.into()))
}
