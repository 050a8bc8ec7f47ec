//! `GET /api/v1/events/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderflow::events::read;

use crate::{caller::Caller, dto::event::Event, problem::Failure, state::Web};

/// One event.
#[utoipa::path(
    get, path = "/api/v1/events/{id}", tag = "events", params(("id" = String, Path)),
    responses((status = OK, body = Event))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Event>, Failure> {
    Ok(Json(read::get_event(&cx, &web.domains().flow, id.parse()?).await?.into()))
}
