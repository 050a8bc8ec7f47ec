//! `GET /api/v1/workflows`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use thundervine::workflow::actions::read;
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        page::{self, Page},
        workflow::Workflow,
    },
    problem::Failure,
    state::Web,
};

/// Which workflows.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Only those whose name comes after this: the `next` of the piece before.
    after: Option<String>,
}

/// The newest version of each workflow, by name.
#[utoipa::path(
    get, path = "/api/v1/workflows", tag = "workflows", params(Wanted),
    responses((status = OK, body = Page<Workflow>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Workflow>>, Failure> {
    let (after, limit) = (wanted.after.unwrap_or_default(), page::limit(wanted.limit)?);
    let found = read::workflows(&cx, &web.domains().vine, &after, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |workflow| workflow.name.clone())))
}
