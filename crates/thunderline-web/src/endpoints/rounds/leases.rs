//! `GET /api/v1/rounds/{id}/leases`

use axum::{
    Json,
    extract::{Path, State},
};
use federation::actions::read;

use crate::{
    caller::Caller,
    dto::{lease::Lease, page::Page},
    problem::Failure,
    state::Web,
};

/// Who was asked in a round, and what came of it: training first, each purpose in the order in which updates are folded. Where
/// clients are not asked in rounds: the leases that ended in it, in whichever round they were issued (`round_number`), hence all
/// updates that it counts (`counted_in`); with the newest round also those that have not ended, or wait for the next buffer.
#[utoipa::path(
    get, path = "/api/v1/rounds/{id}/leases", tag = "federations", params(("id" = String, Path)),
    responses((status = OK, body = Page<Lease>))
)]
pub async fn leases(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Page<Lease>>, Failure> {
    let (round, leases) = read::list_leases_of(&cx, web.federations(), id.parse()?).await?;
    Ok(Json(Page::whole(leases.into_iter().map(|lease| Lease::of(lease, &round)))))
}
