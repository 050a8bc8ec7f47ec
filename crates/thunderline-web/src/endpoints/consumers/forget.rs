//! `DELETE /api/v1/consumers/{name}`

use axum::{
    extract::{Path, State},
    http::StatusCode,
};
use thunderflow::events::forget;

use crate::{caller::TokenCaller, problem::Failure, state::Web};

/// Forget a consumer that is no more, so that events are not kept for it any longer.
#[utoipa::path(
    delete, path = "/api/v1/consumers/{name}", tag = "events", params(("name" = String, Path)),
    responses((status = NO_CONTENT))
)]
pub async fn forget(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(consumer): Path<String>,
) -> Result<StatusCode, Failure> {
    forget::forget(&cx, &web.domains().flow, &consumer).await?;
    Ok(StatusCode::NO_CONTENT)
}
