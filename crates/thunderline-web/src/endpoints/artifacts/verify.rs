//! `POST /api/v1/artifacts/{id}/verify`

use axum::{
    Json,
    extract::{Path, State},
};
use federation::actions::read;
use thunderline_core::ErrorKind;
use thunderline_objects::blocking;

use crate::{caller::Caller, dto::artifact::Verification, problem::Failure, state::Web};

/// Read an artifact's bytes again and compare their digest.
#[utoipa::path(
    post, path = "/api/v1/artifacts/{id}/verify", tag = "artifacts", params(("id" = String, Path)),
    responses((status = OK, body = Verification))
)]
pub async fn verify(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Verification>, Failure> {
    let artifact = read::get_artifact(&cx, web.federations(), id.parse()?).await?;
    let (area, digest) = (web.federations().objects.checkpoints()?, artifact.sha256);
    let result = match blocking(move || area.verify(&digest)).await {
        Ok(true) => "intact",
        Ok(false) => "damaged",
        Err(error) if error.kind() == ErrorKind::NotFound => "missing",
        Err(error) => return Err(error.into()),
    };
    Ok(Json(Verification { id, sha256: digest.to_string(), result: result.to_owned() }))
}
