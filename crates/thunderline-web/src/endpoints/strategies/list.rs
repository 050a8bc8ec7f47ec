//! `GET /api/v1/strategies`

use axum::{Json, extract::State};
use federation::actions::read;
use thunderline_numerics::strategy::KINDS;

use crate::{
    caller::Caller,
    dto::{page::Page, strategy::Strategy},
    problem::Failure,
    state::Web,
};

/// Every strategy that a spec may ask this server for: the built-in ones with their parameters, then the operator's programs.
#[utoipa::path(get, path = "/api/v1/strategies", tag = "federations", responses((status = OK, body = Page<Strategy>)))]
pub async fn list(State(web): State<Web>, Caller(cx): Caller) -> Result<Json<Page<Strategy>>, Failure> {
    let programs = read::list_programs(&cx, web.federations())?;
    let built_in = KINDS.iter().map(|kind| Strategy::from(*kind));
    Ok(Json(Page::whole(built_in.chain(programs.into_iter().map(Strategy::external)))))
}
