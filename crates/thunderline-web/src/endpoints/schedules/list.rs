//! `GET /api/v1/schedules`

use axum::{Json, extract::State};
use thunderblock::schedules::read;

use crate::{
    caller::Caller,
    dto::{page::Page, schedule::Schedule},
    problem::Failure,
    state::Web,
};

/// All schedules, by name.
#[utoipa::path(
    get, path = "/api/v1/schedules", tag = "schedules", responses((status = OK, body = Page<Schedule>))
)]
pub async fn list(State(web): State<Web>, Caller(cx): Caller) -> Result<Json<Page<Schedule>>, Failure> {
    Ok(Json(Page::whole(read::list(&cx, &web.domains().block).await?)))
}
