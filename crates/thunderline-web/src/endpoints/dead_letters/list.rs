//! `GET /api/v1/dead-letters`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use thunderflow::dead_letters::{LetterState, read};
use thunderline_core::{Error, Result};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        dead_letter::DeadLetter,
        page::{self, Page},
    },
    endpoints::before,
    problem::Failure,
    state::Web,
};

/// Which letters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only this consumer's.
    consumer: Option<String>,
    /// Only those in this state: `waiting`, `due`, `replayed` or `dropped`.
    state: Option<String>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is.
    before: Option<String>,
}

/// Events that consumers gave up, the newest first.
#[utoipa::path(
    get, path = "/api/v1/dead-letters", tag = "dead letters", params(Wanted),
    responses((status = OK, body = Page<DeadLetter>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<DeadLetter>>, Failure> {
    let state = wanted.state.as_deref().map(state).transpose()?;
    let (before, limit) = (before(wanted.before.as_deref())?, page::limit(wanted.limit)?);
    let (flow, consumer) = (&web.domains().flow, wanted.consumer.as_deref());
    let found = read::list_dead_letters(&cx, flow, consumer, state, before, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |letter| letter.created_at.to_string())))
}

fn state(name: &str) -> Result<LetterState> {
    LetterState::named(name).ok_or_else(|| {
        let known = LetterState::ALL.map(LetterState::name).join(", ");
        Error::invalid_value("state", format!("'{name}' is not a state"), known)
    })
}
