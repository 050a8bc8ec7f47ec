//! `GET /api/v1/backups/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderline_core::Error;

use crate::{caller::Caller, dto::backup::Backup, problem::Failure, state::Web};

/// One backup, and how far it is.
#[utoipa::path(
    get, path = "/api/v1/backups/{id}", tag = "backups", params(("id" = String, Path)),
    responses((status = OK, body = Backup))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Backup>, Failure> {
    let id = id.parse().map_err(|_| {
        Error::invalid_value("id", format!("'{id}' is not a backup id"), "a UUID, as the listing prints it")
    })?;
    let (backup, seen) = thunderblock::backup::get(&cx, &web.domains().block, id).await?;
    Ok(Json(Backup { progress: seen.map(Into::into), ..backup.into() }))
}
