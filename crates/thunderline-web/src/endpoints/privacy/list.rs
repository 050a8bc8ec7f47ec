//! `GET /api/v1/privacy/budgets`

use axum::{Json, extract::State};
use federation::privacy::budgets;

use crate::{
    caller::Caller,
    dto::{page::Page, privacy::PrivacyBudget},
    problem::Failure,
    state::Web,
};

/// What may be spent on each data set, and what was.
#[utoipa::path(
    get, path = "/api/v1/privacy/budgets", tag = "privacy",
    responses((status = OK, body = Page<PrivacyBudget>))
)]
pub async fn list_budgets(
    State(web): State<Web>,
    Caller(cx): Caller,
) -> Result<Json<Page<PrivacyBudget>>, Failure> {
    Ok(Json(Page::whole(budgets::list(&cx, web.federations()).await?)))
}
