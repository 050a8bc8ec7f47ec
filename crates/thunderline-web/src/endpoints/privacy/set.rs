//! `POST /api/v1/privacy/budget`

use axum::{Json, extract::State};
use federation::privacy::budgets;
use thunderline_core::Error;

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        privacy::{PrivacyBudget, SetPrivacyBudget},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// Set or lift a limit. What was spent stays spent.
#[utoipa::path(
    post, path = "/api/v1/privacy/budget", tag = "privacy", request_body(content = SetPrivacyBudget),
    responses(
        (status = OK, body = PrivacyBudget),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "A name or number that cannot be."),
    )
)]
pub async fn set_budget(
    State(web): State<Web>,
    Caller(cx): Caller,
    Input(wanted): Input<SetPrivacyBudget>,
) -> Result<Json<PrivacyBudget>, Failure> {
    let limit = match (wanted.epsilon, wanted.delta) {
        (Some(epsilon), Some(delta)) => Some((epsilon, delta)),
        (None, None) => None,
        (Some(_), None) => {
            return Err(
                Error::invalid_value("delta", "missing beside epsilon", "0 or more and below 1").into()
            );
        }
        (None, Some(_)) => {
            return Err(Error::invalid_value("epsilon", "missing beside delta", "0 to 1000000").into());
        }
    };
    Ok(Json(budgets::set(&cx, web.federations(), &wanted.dataset, limit).await?.into()))
}
