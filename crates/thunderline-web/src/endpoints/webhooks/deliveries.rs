//! `GET /api/v1/webhooks/{name}/deliveries`

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::Deserialize;
use thunderflow::webhooks::{DeliveryState, read};
use thunderline_core::{Error, Result};
use utoipa::IntoParams;

use crate::{
    caller::Caller,
    dto::{
        page::{self, Page},
        webhook::Delivery,
    },
    problem::Failure,
    state::Web,
};

/// Which deliveries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Only those in this state: `waiting`, `delivered` or `failed`.
    state: Option<String>,
    /// How many at most: 50 unless told otherwise, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// Go on after the piece whose `next` this is: only events before this sequence number.
    before: Option<i64>,
}

/// What was sent to a webhook and what waits, the newest event first. Finished deliveries are kept for 14 days.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{name}/deliveries", tag = "webhooks", params(("name" = String, Path), Wanted),
    responses((status = OK, body = Page<Delivery>))
)]
pub async fn deliveries(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<Delivery>>, Failure> {
    let state = wanted.state.as_deref().map(state).transpose()?;
    let (flow, limit) = (&web.domains().flow, page::limit(wanted.limit)?);
    let found = read::list_deliveries(&cx, flow, &name, state, wanted.before, limit + 1).await?;
    Ok(Json(Page::piece(found, limit, |delivery| delivery.sequence.to_string())))
}

fn state(name: &str) -> Result<DeliveryState> {
    DeliveryState::named(name).ok_or_else(|| {
        let reason = format!("'{name}' is not a state");
        Error::invalid_value("state", reason, "waiting, delivered, failed")
    })
}
