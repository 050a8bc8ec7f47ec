//! `GET /api/v1/events`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use thunderflow::events::read::ACTION;
use thunderline_core::{Cx, Envelope, Error, Result, Subject};
use thunderline_store::{Db, EventFilter};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        event::Event,
        page::{self, Page},
    },
    problem::Failure,
    state::Web,
};

/// Which events.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only events after this sequence number.
    pub after: Option<i64>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    pub limit: Option<u32>,
    /// Only these kinds, separated by commas: `fl.round.completed,fl.round.failed`.
    pub name: Option<String>,
    /// Only events about this thing, as `kind:id`.
    pub subject: Option<String>,
}

impl Wanted {
    /// The filter, confined to the caller's tenant.
    pub fn filter(&self, cx: &Cx) -> Result<EventFilter> {
        let names = self
            .name
            .as_deref()
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let subject = self.subject.as_deref().map(|text| {
            let (kind, id) = text.split_once(':').ok_or_else(|| {
                Error::invalid_value(
                    "subject",
                    format!("'{text}' names no thing"),
                    "kind:id, as federation:0197…",
                )
            })?;
            Ok::<_, Error>(Subject::new(kind, id))
        });
        Ok(EventFilter {
            names: names.map(str::to_owned).collect(),
            subject: subject.transpose()?,
            tenant: Some(cx.tenant()),
        })
    }
}

/// Events in the order in which they happened. Without `after`: the latest ones.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", params(Wanted), responses((status = OK, body = Page<Event>))
)]
pub async fn list(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Event>>, Failure> {
    ACTION.authorize(&cx)?;
    let (limit, filter) = (page::limit(wanted.limit)?, wanted.filter(&cx)?);
    let Some(after) = wanted.after else {
        return Ok(Json(Page::whole(latest(web.db(), &filter, limit as usize).await?)));
    };
    let found = web.db().events(after, limit + 1, &filter).await?;
    Ok(Json(Page::piece(found, limit, |event| event.sequence.to_string())))
}

/// The last events that pass the filter: looks back in windows that grow, since the outbox is read forwards only.
async fn latest(db: &Db, filter: &EventFilter, limit: usize) -> Result<Vec<Envelope>> {
    let last = db.last_sequence().await?;
    let mut window = limit as i64;
    loop {
        let after = last.saturating_sub(window).max(0);
        let mut found = db.events(after, u32::MAX, filter).await?;
        if found.len() >= limit || after == 0 {
            found.drain(..found.len().saturating_sub(limit));
            return Ok(found);
        }
        window = window.saturating_mul(8);
    }
}
