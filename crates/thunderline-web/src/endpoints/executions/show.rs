//! `GET /api/v1/executions/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use thundervine::workflow::actions::read;

use crate::{caller::Caller, dto::workflow::ExecutionDetails, problem::Failure, state::Web};

/// One execution and how its nodes stand.
#[utoipa::path(
    get, path = "/api/v1/executions/{id}", tag = "workflows", params(("id" = String, Path)),
    responses((status = OK, body = ExecutionDetails))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<ExecutionDetails>, Failure> {
    let found = read::execution(&cx, &web.domains().vine, id.parse()?).await?;
    Ok(Json(found.into()))
}
