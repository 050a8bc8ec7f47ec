//! `GET /api/v1/webhooks/{name}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderflow::webhooks::read;

use crate::{caller::Caller, dto::webhook::Webhook, problem::Failure, state::Web};

/// One webhook.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{name}", tag = "webhooks", params(("name" = String, Path)),
    responses((status = OK, body = Webhook))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
) -> Result<Json<Webhook>, Failure> {
    Ok(Json(read::get_webhook(&cx, &web.domains().flow, &name).await?.into()))
}
