//! `POST /api/v1/webhooks`

use axum::{Json, extract::State, http::StatusCode};
use thunderflow::webhooks::create;

use crate::{
    body::Input,
    caller::TokenCaller,
    dto::{
        problem::ProblemDetails,
        webhook::{NewWebhook, Webhook},
    },
    problem::Failure,
    state::Web,
};

/// Have events sent to an address, signed with a secret that is shown only now.
#[utoipa::path(
    post, path = "/api/v1/webhooks", tag = "webhooks", request_body = NewWebhook,
    responses(
        (status = CREATED, body = Webhook),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json"),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn create(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Input(new): Input<NewWebhook>,
) -> Result<(StatusCode, Json<Webhook>), Failure> {
    let flow = &web.domains().flow;
    let (webhook, secret) = create::create(&cx, flow, &new.name, &new.url, new.events).await?;
    Ok((StatusCode::CREATED, Json(Webhook { secret: Some(secret), ..webhook.into() })))
}
