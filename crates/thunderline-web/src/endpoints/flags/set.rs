//! `PUT /api/v1/flags/{name}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderflow::flags::change;

use crate::{
    body::Input,
    caller::TokenCaller,
    dto::{
        flag::{Flag, FlagRules},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// Set a feature flag. Every process follows within a second.
#[utoipa::path(
    put, path = "/api/v1/flags/{name}", tag = "flags", params(("name" = String, Path)), request_body = FlagRules,
    responses(
        (status = OK, body = Flag),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn set(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(name): Path<String>,
    Input(rules): Input<FlagRules>,
) -> Result<Json<Flag>, Failure> {
    Ok(Json(change::set(&cx, &web.domains().flow, &name, rules.try_into()?).await?.into()))
}
