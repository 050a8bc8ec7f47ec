//! `DELETE /api/v1/flags/{name}`

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use thunderflow::flags::change;

use crate::{caller::TokenCaller, problem::Failure, state::Web};

/// Remove a feature flag: it is off.
#[utoipa::path(
    delete, path = "/api/v1/flags/{name}", tag = "flags", params(("name" = String, Path)),
    responses((status = NO_CONTENT))
)]
pub async fn unset(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    change::unset(&cx, &web.domains().flow, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
