//! `POST /api/v1/domains/{name}/{activate,deactivate,kill}`

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use thunderblock::registry;
use thunderline_core::Wish;

use crate::{
    caller::{Caller, TokenCaller},
    dto::{
        domain::{DomainOrder, Mesh},
        problem::ProblemDetails,
    },
    problem::Failure,
    state::Web,
};

/// Let a domain work again, in every process: after it was deactivated, or given up after too many failures.
#[utoipa::path(
    post, path = "/api/v1/domains/{name}/activate", tag = "domains", params(("name" = String, Path)),
    request_body = DomainOrder,
    responses(
        (status = ACCEPTED, body = Mesh, description = "Every process carries it out when it hears of it."),
        (status = NOT_FOUND, body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn activate(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(name): Path<String>,
    Json(order): Json<DomainOrder>,
) -> Result<(StatusCode, Json<Mesh>), Failure> {
    give(web, cx, &name, Wish::Activate, order).await
}

/// Let a domain rest, in every process and over restarts, until it is activated again. What it has begun is finished; what
/// comes for it waits.
#[utoipa::path(
    post, path = "/api/v1/domains/{name}/deactivate", tag = "domains", params(("name" = String, Path)),
    request_body = DomainOrder,
    responses(
        (status = ACCEPTED, body = Mesh, description = "Every process carries it out when it hears of it."),
        (status = NOT_FOUND, body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn deactivate(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(name): Path<String>,
    Json(order): Json<DomainOrder>,
) -> Result<(StatusCode, Json<Mesh>), Failure> {
    give(web, cx, &name, Wish::Deactivate, order).await
}

/// Let a domain fail once, in every process, to see that it comes back and nothing else stops.
#[utoipa::path(
    post, path = "/api/v1/domains/{name}/kill", tag = "domains", params(("name" = String, Path)),
    request_body = DomainOrder,
    responses(
        (status = ACCEPTED, body = Mesh, description = "Every process carries it out when it hears of it."),
        (status = NOT_FOUND, body = ProblemDetails, content_type = "application/problem+json"),
    )
)]
pub async fn kill(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(name): Path<String>,
    Json(order): Json<DomainOrder>,
) -> Result<(StatusCode, Json<Mesh>), Failure> {
    give(web, cx, &name, Wish::Kill, order).await
}

async fn give(
    web: Web,
    cx: thunderline_core::Cx,
    name: &str,
    wish: Wish,
    order: DomainOrder,
) -> Result<(StatusCode, Json<Mesh>), Failure> {
    let mesh = web.live().now();
    let known: Vec<_> = mesh.domains.iter().map(|domain| domain.manifest.domain).collect();
    let block = &web.domains().block;
    registry::order(&cx, block, &known, name, wish, order.reason.as_deref()).await?;
    let Json(mesh) = super::list::list(State(web.clone()), Caller(cx)).await?;
    Ok((StatusCode::ACCEPTED, Json(mesh)))
}
