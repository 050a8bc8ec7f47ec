//! `GET /api/v1/events`

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use thunderflow::{events::read::ACTION, webhooks::pattern};
use thunderline_contracts::registry::EVENTS;
use thunderline_core::{Cx, Envelope, Error, Problem, Result, Subject};
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
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<u32>,
    /// Only these kinds, separated by commas: names or the beginnings of some, `fl.round.completed,fl.federation.*`.
    pub name: Option<String>,
    /// Only events about this thing, as `kind:id`.
    pub subject: Option<String>,
}

impl Wanted {
    /// The filter, confined to the caller's tenant.
    pub fn filter(&self, cx: &Cx) -> Result<EventFilter> {
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
            names: names(self.name.as_deref().unwrap_or_default())?,
            subject: subject.transpose()?,
            tenant: Some(cx.tenant()),
        })
    }
}

/// The names of all events that these patterns match; none where every event is wanted.
fn names(patterns: &str) -> Result<Vec<String>> {
    let patterns: Vec<_> = patterns.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
    let problems = patterns.iter().enumerate().filter_map(|(index, it)| pattern::problem(it, index));
    let problems: Vec<_> = problems.map(|it| Problem { path: "name".into(), ..it }).collect();
    if let Some(first) = problems.first() {
        return Err(Error::invalid(first.to_string(), problems));
    }
    if patterns.contains(&"*") {
        return Ok(Vec::new());
    }
    let wanted = |name: &str| patterns.iter().any(|it| pattern::matches(it, name));
    Ok(EVENTS.iter().filter(|it| wanted(it.name)).map(|it| it.name.to_owned()).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_beginnings_are_found_and_others_refused() {
        assert_eq!(names("").unwrap(), Vec::<String>::new());
        assert_eq!(names("*").unwrap(), Vec::<String>::new());
        assert_eq!(names(" fl.round.completed ,").unwrap(), ["fl.round.completed"]);
        let rounds = names("fl.round.*").unwrap();
        assert!(rounds.len() > 1 && rounds.iter().all(|it| it.starts_with("fl.round.")), "{rounds:?}");
        let refused = names("fl.round.completed,FOO,fl.round").unwrap_err();
        let told: Vec<_> =
            refused.problems().iter().map(|it| (it.path.as_str(), it.reason.as_str())).collect();
        assert_eq!(told, [("name", "'FOO' matches no event"), ("name", "'fl.round' matches no event")]);
    }
}
