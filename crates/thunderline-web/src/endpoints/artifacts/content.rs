//! `GET /api/v1/artifacts/{id}/content`

use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use federation::{actions::read, artifact::Artifact};
use serde::Deserialize;
use thunderline_core::{Error, Result};
use thunderline_objects::blocking;
use tokio_util::io::ReaderStream;
use utoipa::IntoParams;

use crate::{caller::TokenCaller, download, problem::Failure, state::Web};

/// In which form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `safetensors` or, for NumPy, `npz`. As it is stored unless told otherwise.
    format: Option<String>,
}

/// An artifact's bytes. Always needs a token.
#[utoipa::path(
    get, path = "/api/v1/artifacts/{id}/content", tag = "artifacts", params(("id" = String, Path), Wanted),
    responses((status = OK, body = Vec<u8>, content_type = "application/octet-stream"))
)]
pub async fn content(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Failure> {
    let artifact = read::get_artifact(&cx, web.federations(), id.parse()?).await?;
    let format = wanted.format.unwrap_or_else(|| artifact.format.clone());
    check(&artifact, &format)?;
    let (area, digest, npz) = (web.federations().objects.checkpoints()?, artifact.sha256, format == "npz");
    let file =
        blocking(move || if npz { download::as_npz(&area, &digest) } else { area.open(&digest) }).await?;
    let length = file.metadata().map_err(Error::from)?.len();
    let body = Body::from_stream(ReaderStream::with_capacity(tokio::fs::File::from_std(file), 1 << 16));
    let file_name = format!("attachment; filename=\"{}.{format}\"", &digest.to_string()[..16]);
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, file_name),
        (header::ETAG, format!("\"{digest}-{format}\"")),
    ];
    Ok((headers, body).into_response())
}

fn check(artifact: &Artifact, format: &str) -> Result<()> {
    if format == artifact.format || (format == "npz" && artifact.format == "safetensors") {
        return Ok(());
    }
    let allowed = match artifact.format.as_str() {
        "safetensors" => "safetensors, npz".to_owned(),
        other => other.to_owned(),
    };
    Err(Error::invalid_value(
        "format",
        format!("a {} cannot be had as '{format}'", artifact.kind.name()),
        allowed,
    ))
}
