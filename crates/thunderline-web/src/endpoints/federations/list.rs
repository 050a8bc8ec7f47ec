//! `GET /api/v1/federations`

use axum::{
    Json,
    extract::{Query, State},
};
use federation::{actions::read, state::FederationState};
use serde::Deserialize;
use thunderline_core::{Error, Result};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        federation::Federation,
        page::{self, Page},
    },
    endpoints::before,
    problem::Failure,
    state::Web,
};

/// Which federations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those in this state.
    state: Option<String>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is.
    before: Option<String>,
}

/// Federations, the newest first.
#[utoipa::path(
    get, path = "/api/v1/federations", tag = "federations", params(Wanted),
    responses((status = OK, body = Page<Federation>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Federation>>, Failure> {
    let state = wanted.state.as_deref().map(state).transpose()?;
    let (before, limit) = (before(wanted.before.as_deref())?, page::limit(wanted.limit)?);
    let found = read::list_federations(&cx, web.federations(), state, before, limit + 1).await?;
    let mut waits = read::list_waits(&cx, web.federations(), &found).await?;
    let found = found.into_iter().map(|it| {
        let waiting = waits.remove(&it.id);
        Federation { waiting, ..it.into() }
    });
    Ok(Json(Page::piece(found.collect(), limit, |it: &Federation| it.created_at.to_string())))
}

fn state(name: &str) -> Result<FederationState> {
    FederationState::named(name).ok_or_else(|| {
        let known = FederationState::ALL.map(FederationState::name).join(", ");
        Error::invalid_value("state", format!("'{name}' is not a state"), known)
    })
}
