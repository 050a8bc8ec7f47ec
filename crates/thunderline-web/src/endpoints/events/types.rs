//! `GET /api/v1/events/types`

use axum::Json;
use thunderflow::events::read::ACTION;
use thunderline_contracts::registry::EVENTS;

use crate::{
    caller::Caller,
    dto::{event_type::EventType, page::Page},
    problem::Failure,
};

/// Every kind of event that can happen, with the JSON schema of its payload.
#[utoipa::path(
    get, path = "/api/v1/events/types", tag = "events", responses((status = OK, body = Page<EventType>))
)]
pub async fn types(Caller(cx): Caller) -> Result<Json<Page<EventType>>, Failure> {
    ACTION.authorize(&cx)?;
    Ok(Json(Page::whole(EVENTS)))
}
