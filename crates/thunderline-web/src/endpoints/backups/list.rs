//! `GET /api/v1/backups`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        backup::Backup,
        page::{self, Page},
    },
    endpoints::before,
    problem::Failure,
    state::Web,
};

/// Which backups.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is.
    before: Option<String>,
}

/// Backups that were asked for, the newest first. Needs the role operator.
#[utoipa::path(
    get, path = "/api/v1/backups", tag = "backups", params(Wanted), responses((status = OK, body = Page<Backup>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Backup>>, Failure> {
    let (before, limit) = (before(wanted.before.as_deref())?, page::limit(wanted.limit)?);
    let found = thunderblock::backup::list(&cx, &web.domains().block, before, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |backup| backup.requested_at.to_string())))
}
