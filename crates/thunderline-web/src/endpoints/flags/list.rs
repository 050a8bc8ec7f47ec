//! `GET /api/v1/flags`

use axum::{Json, extract::State};
use thunderflow::flags::read;

use crate::{
    caller::Caller,
    dto::{flag::Flag, page::Page},
    problem::Failure,
    state::Web,
};

/// Every feature flag that somebody set, by name. What nobody set is off.
#[utoipa::path(get, path = "/api/v1/flags", tag = "flags", responses((status = OK, body = Page<Flag>)))]
pub async fn list(State(web): State<Web>, Caller(cx): Caller) -> Result<Json<Page<Flag>>, Failure> {
    Ok(Json(Page::whole(read::list_flags(&cx, &web.domains().flow).await?)))
}
