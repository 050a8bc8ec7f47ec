//! `DELETE /api/v1/webhooks/{name}`

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use thunderflow::webhooks::change;

use crate::{caller::TokenCaller, problem::Failure, state::Web};

/// Delete a webhook with its deliveries.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{name}", tag = "webhooks", params(("name" = String, Path)),
    responses((status = NO_CONTENT))
)]
pub async fn delete(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    change::delete(&cx, &web.domains().flow, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
