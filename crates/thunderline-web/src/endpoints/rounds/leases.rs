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
/// clients are not asked in rounds: the leases that were issued in it, and those that ended in it.
#[utoipa::path(
    get, path = "/api/v1/rounds/{id}/leases", tag = "federations", params(("id" = String, Path)),
    responses((status = OK, body = Page<Lease>))
)]
pub async fn leases(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(id): Path<String>,
) -> Result<Json<Page<Lease>>, Failure> {
    Ok(Json(Page::whole(read::list_leases(&cx, web.federations(), id.parse()?).await?)))
}
