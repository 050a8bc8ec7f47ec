//! `GET /api/v1/jobs`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use thunderblock::jobs::read;
use thunderline_core::{Error, Result};
use thunderline_store::{JobFilter, JobState};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        job::Job,
        page::{self, Page},
    },
    endpoints::id_in,
    problem::Failure,
    state::Web,
};

/// Which jobs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those in this state.
    state: Option<String>,
    /// Only those of this kind.
    name: Option<String>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is.
    before: Option<String>,
}

/// Jobs, the newest first.
#[utoipa::path(
    get, path = "/api/v1/jobs", tag = "jobs", params(Wanted), responses((status = OK, body = Page<Job>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Job>>, Failure> {
    let state = wanted.state.as_deref().map(state).transpose()?;
    let before = id_in("before", wanted.before.as_deref())?;
    let filter = JobFilter { state, name: wanted.name, before, tenant: None };
    let limit = page::limit(wanted.limit)?;
    let found = read::list(&cx, &web.domains().block, &filter, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |job| job.id.to_string())))
}

fn state(name: &str) -> Result<JobState> {
    JobState::named(name).ok_or_else(|| {
        let known = JobState::ALL.map(JobState::name).join(", ");
        Error::invalid_value("state", format!("'{name}' is not a state"), known)
    })
}
