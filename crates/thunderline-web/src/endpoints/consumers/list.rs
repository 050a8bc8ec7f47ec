//! `GET /api/v1/consumers`

use axum::{Json, extract::State};
use thunderflow::events::consumers;

use crate::{
    caller::Caller,
    dto::{consumer::Consumer, page::Page},
    problem::Failure,
    state::Web,
};

/// Who consumes events, and how far each is.
#[utoipa::path(get, path = "/api/v1/consumers", tag = "events", responses((status = OK, body = Page<Consumer>)))]
pub async fn list(State(web): State<Web>, Caller(cx): Caller) -> Result<Json<Page<Consumer>>, Failure> {
    Ok(Json(Page::whole(consumers::list_consumers(&cx, &web.domains().flow).await?)))
}
