//! `GET /api/v1/federations/{id}`

use axum::{
    Json,
    extract::{Path, State},
};
use federation::{actions::read, privacy::budgets, state::RoundState};

use crate::{caller::Caller, dto::federation::FederationDetails, problem::Failure, state::Web};

/// One federation with its spec, its newest round, and how its clients stand.
#[utoipa::path(
    get, path = "/api/v1/federations/{id}", tag = "federations", params(("id" = String, Path)),
    responses((status = OK, body = FederationDetails))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<FederationDetails>, Failure> {
    let id = id.parse()?;
    let federation = read::get_federation(&cx, web.federations(), id).await?;
    let newest = read::newest_round(&cx, web.federations(), id).await?;
    let spent = budgets::spent(&cx, web.federations(), id).await?;
    let buffered = federation.spec.strategy.buffer().is_some();
    let waits = newest.as_ref().is_some_and(|(round, _)| buffered || round.state == RoundState::Selecting);
    let mut details = FederationDetails::new(federation, newest, spent);
    if waits {
        details.federation.waiting = read::waits_for(&cx, web.federations(), id).await?;
    }
    Ok(Json(details))
}
