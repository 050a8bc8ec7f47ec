//! `POST /api/v1/zones/{name}/release`

use axum::{
    Json,
    extract::{Path, State},
};
use thundergrid::actions::{claim, read};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        problem::ProblemDetails,
        zone::{ReleaseRequest, Zone},
    },
    problem::Failure,
    state::Web,
};

/// Give a zone back, with the token of the claim.
#[utoipa::path(
    post, path = "/api/v1/zones/{name}/release", tag = "zones", params(("name" = String, Path)),
    request_body(content = ReleaseRequest),
    responses(
        (status = OK, body = Zone),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "The token holds nothing any more."),
    )
)]
pub async fn release(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
    Input(request): Input<ReleaseRequest>,
) -> Result<Json<Zone>, Failure> {
    let grid = &web.domains().grid;
    claim::release(&cx, grid, &name, request.token).await?;
    let (zone, nodes) = read::get_zone(&cx, grid, &name).await?;
    Ok(Json(Zone::at(cx.now(), zone, nodes)))
}
