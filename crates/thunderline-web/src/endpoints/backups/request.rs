//! `POST /api/v1/backups`

use std::path::Path;

use axum::{Json, extract::State, http::StatusCode};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        backup::{Backup, BackupRequest},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// Make a backup of this installation while it works. Needs the role admin: a backup holds every key and token.
#[utoipa::path(
    post, path = "/api/v1/backups", tag = "backups", request_body(content = BackupRequest),
    responses(
        (status = ACCEPTED, body = Backup, description = "It is being made; ask for it again to see how far it is."),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "The path is relative, exists already, or is in no folder."),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Another one is being made, or the database is PostgreSQL."),
    )
)]
pub async fn request(
    State(web): State<Web>,
    Caller(cx): Caller,
    Input(request): Input<BackupRequest>,
) -> Result<(StatusCode, Json<Backup>), Failure> {
    let to = request.to.as_deref().map(Path::new);
    let backup = thunderblock::backup::request(&cx, &web.domains().block, to).await?;
    Ok((StatusCode::ACCEPTED, Json(backup.into())))
}
