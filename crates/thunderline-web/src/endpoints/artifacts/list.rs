//! `GET /api/v1/artifacts`

use axum::{
    Json,
    extract::{Query, State},
};
use federation::actions::read;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        artifact::Artifact,
        page::{self, Page},
    },
    endpoints::{before, id_in},
    problem::Failure,
    state::Web,
};

/// Which artifacts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those that this federation made.
    federation: Option<String>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is.
    before: Option<String>,
}

/// Artifacts, the newest first.
#[utoipa::path(
    get, path = "/api/v1/artifacts", tag = "artifacts", params(Wanted),
    responses((status = OK, body = Page<Artifact>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Artifact>>, Failure> {
    let federation = id_in("federation", wanted.federation.as_deref())?;
    let (before, limit) = (before(wanted.before.as_deref())?, page::limit(wanted.limit)?);
    let found = read::list_artifacts(&cx, web.federations(), federation, before, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |artifact| artifact.created_at.to_string())))
}
