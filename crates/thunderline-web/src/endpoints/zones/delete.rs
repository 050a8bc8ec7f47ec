//! `DELETE /api/v1/zones/{name}`

use axum::{
    extract::{Path, State},
    http::StatusCode,
};

use crate::{caller::Caller, dto::problem::ProblemDetails, problem::Failure, state::Web};

/// Delete a zone. Its nodes are placed anew by their labels.
#[utoipa::path(
    delete, path = "/api/v1/zones/{name}", tag = "zones", params(("name" = String, Path)),
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Somebody holds it."),
    )
)]
pub async fn delete(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    thundergrid::actions::delete::delete_zone(&cx, &web.domains().grid, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
