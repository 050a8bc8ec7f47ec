//! `GET /api/v1/retention/{resource}/preview`

use axum::{
    Json,
    extract::{Path, State},
};

use crate::{
    caller::Caller,
    dto::{page::Page, retention::RetentionPreview},
    problem::Failure,
    state::Web,
};

/// What would go now, at most a thousand things of each owner. Nothing goes. Needs the role operator.
#[utoipa::path(
    get, path = "/api/v1/retention/{resource}/preview", tag = "retention", params(("resource" = String, Path)),
    responses((status = OK, body = Page<RetentionPreview>))
)]
pub async fn preview(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(resource): Path<String>,
) -> Result<Json<Page<RetentionPreview>>, Failure> {
    let found = thunderblock::retention::preview(&cx, &web.domains().block, &resource).await?;
    let items = found.into_iter().map(|(tenant, _, expired)| RetentionPreview::new(tenant, expired));
    Ok(Json(Page::whole(items)))
}
