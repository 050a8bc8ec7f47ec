//! `GET /api/v1/privacy/budget?dataset=…`

use axum::{
    Json,
    extract::{Query, State},
};
use federation::privacy::budgets;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{caller::Caller, dto::privacy::PrivacyBudgetDetails, problem::Failure, state::Web};

/// Which budget. A parameter and not a part of the path, since addresses of data have slashes.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// The name of the data.
    dataset: String,
}

/// One budget with its newest costs.
#[utoipa::path(
    get, path = "/api/v1/privacy/budget", tag = "privacy", params(Wanted),
    responses((status = OK, body = PrivacyBudgetDetails))
)]
pub async fn show_budget(
    State(web): State<Web>,
    Caller(cx): Caller,
    Query(wanted): Query<Wanted>,
) -> Result<Json<PrivacyBudgetDetails>, Failure> {
    let (budget, spends) = budgets::show(&cx, web.federations(), &wanted.dataset).await?;
    let spends = spends.into_iter().map(Into::into).collect();
    Ok(Json(PrivacyBudgetDetails { budget: budget.into(), spends }))
}
