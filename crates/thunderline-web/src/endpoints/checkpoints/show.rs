//! `GET /api/v1/checkpoints/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderline_core::Error;

use crate::{caller::Caller, dto::checkpoint::Checkpoint, problem::Failure, state::Web};

/// One system checkpoint, and of a start what became of what it found.
#[utoipa::path(
    get, path = "/api/v1/checkpoints/{id}", tag = "checkpoints", params(("id" = String, Path)),
    responses((status = OK, body = Checkpoint))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Checkpoint>, Failure> {
    let id = id.parse().map_err(|_| {
        Error::invalid_value(
            "id",
            format!("'{id}' is not a checkpoint id"),
            "a UUID, as the listing prints it",
        )
    })?;
    let (checkpoint, resumes) = thunderblock::checkpoint::get(&cx, &web.domains().block, id).await?;
    let resumes = resumes.into_iter().map(Into::into).collect();
    Ok(Json(Checkpoint { resumes, ..checkpoint.into() }))
}
