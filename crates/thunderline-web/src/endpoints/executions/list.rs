//! `GET /api/v1/executions`

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
        workflow::Execution,
    },
    endpoints::before,
    problem::Failure,
    state::Web,
};

/// Which executions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those of this workflow.
    workflow: Option<String>,
    /// Only those in this state.
    state: Option<String>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is.
    before: Option<String>,
}

/// Executions, the newest first.
#[utoipa::path(
    get, path = "/api/v1/executions", tag = "workflows", params(Wanted),
    responses((status = OK, body = Page<Execution>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Execution>>, Failure> {
    let (before, limit) = (before(wanted.before.as_deref())?, page::limit(wanted.limit)?);
    let (workflow, state) = (wanted.workflow.as_deref(), wanted.state.as_deref());
    let found = read::executions(&cx, &web.domains().vine, workflow, state, before, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |execution| execution.started_at.to_string())))
}
