//! `POST /api/v1/zones/{name}/claim`

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
        zone::{ClaimRequest, Zone},
    },
    problem::Failure,
    state::Web,
};

/// Take a zone for a time. Who holds it already gets the new time and keeps the token.
#[utoipa::path(
    post, path = "/api/v1/zones/{name}/claim", tag = "zones", params(("name" = String, Path)),
    request_body(content = ClaimRequest),
    responses(
        (status = OK, body = Zone),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "Another holds it."),
    )
)]
pub async fn claim(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
    Input(request): Input<ClaimRequest>,
) -> Result<Json<Zone>, Failure> {
    let grid = &web.domains().grid;
    claim::claim(&cx, grid, &name, &request.owner, request.ttl).await?;
    let (zone, nodes) = read::get_zone(&cx, grid, &name).await?;
    Ok(Json(Zone::at(cx.now(), zone, nodes)))
}
