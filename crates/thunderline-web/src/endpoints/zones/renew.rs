//! `POST /api/v1/zones/{name}/renew`

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
        zone::{RenewRequest, Zone},
    },
    problem::Failure,
    state::Web,
};

/// Keep a zone for longer, with the token of the claim.
#[utoipa::path(
    post, path = "/api/v1/zones/{name}/renew", tag = "zones", params(("name" = String, Path)),
    request_body(content = RenewRequest),
    responses(
        (status = OK, body = Zone),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "The token holds nothing any more."),
    )
)]
pub async fn renew(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
    Input(request): Input<RenewRequest>,
) -> Result<Json<Zone>, Failure> {
    let grid = &web.domains().grid;
    claim::renew(&cx, grid, &name, request.token, request.ttl).await?;
    let (zone, nodes) = read::get_zone(&cx, grid, &name).await?;
    Ok(Json(Zone::at(cx.now(), zone, nodes)))
}
