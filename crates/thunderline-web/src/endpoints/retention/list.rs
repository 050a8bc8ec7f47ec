//! `GET /api/v1/retention`

use axum::{Json, extract::State};

use crate::{
    caller::Caller,
    dto::{page::Page, retention::Retained},
    problem::Failure,
    state::Web,
};

/// What is kept for how long: every resource, its default and its rules. Needs the role operator.
#[utoipa::path(
    get, path = "/api/v1/retention", tag = "retention", responses((status = OK, body = Page<Retained>))
)]
pub async fn list(State(web): State<Web>, Caller(cx): Caller) -> Result<Json<Page<Retained>>, Failure> {
    let (resources, rules) = thunderblock::retention::list(&cx, &web.domains().block).await?;
    let items: Vec<_> = resources.iter().map(|resource| Retained::new(resource, &rules)).collect();
    Ok(Json(Page::whole(items)))
}
