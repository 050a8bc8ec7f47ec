//! `GET /api/v1/workflows/{name}`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use thundervine::workflow::actions::read;
use utoipa::IntoParams;

use crate::{caller::Caller, dto::workflow::Workflow, problem::Failure, state::Web};

/// Which version.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The newest unless told otherwise.
    version: Option<u32>,
}

/// One workflow.
#[utoipa::path(
    get, path = "/api/v1/workflows/{name}", tag = "workflows", params(("name" = String, Path), Wanted),
    responses((status = OK, body = Workflow))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Workflow>, Failure> {
    let workflow = read::workflow(&cx, &web.domains().vine, &name, wanted.version).await?;
    Ok(Json(workflow.into()))
}
