//! `POST /api/v1/zones`

use axum::{Json, extract::State, http::StatusCode};
use thundergrid::actions::{create::create_zone, read};

use crate::{
    body::Input,
    caller::Caller,
    dto::{
        problem::ProblemDetails,
        zone::{Zone, ZoneRequest},
    },
    problem::Failure,
    state::Web,
};

/// Make a zone. Nodes that have all its labels are placed there at once.
#[utoipa::path(
    post, path = "/api/v1/zones", tag = "zones", request_body(content = ZoneRequest),
    responses(
        (status = CREATED, body = Zone),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "The name is taken."),
    )
)]
pub async fn create(
    State(web): State<Web>,
    Caller(cx): Caller,
    Input(request): Input<ZoneRequest>,
) -> Result<(StatusCode, Json<Zone>), Failure> {
    let grid = &web.domains().grid;
    let ZoneRequest { name, description, labels } = request;
    let made = create_zone(&cx, grid, &name, &description, labels).await?;
    let (zone, nodes) = read::get_zone(&cx, grid, &made.name).await?;
    Ok((StatusCode::CREATED, Json(Zone::at(cx.now(), zone, nodes))))
}
