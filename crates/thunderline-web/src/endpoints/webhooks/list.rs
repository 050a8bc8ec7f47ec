//! `GET /api/v1/webhooks`

use axum::{Json, extract::State};
use thunderflow::webhooks::read;

use crate::{
    caller::Caller,
    dto::{page::Page, webhook::Webhook},
    problem::Failure,
    state::Web,
};

/// Every webhook, by name.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", responses((status = OK, body = Page<Webhook>)))]
pub async fn list(State(web): State<Web>, Caller(cx): Caller) -> Result<Json<Page<Webhook>>, Failure> {
    Ok(Json(Page::whole(read::list_webhooks(&cx, &web.domains().flow).await?)))
}
