//! `GET /api/v1/domains/{name}`

use axum::{
    Json,
    extract::{Path, State},
};
use thunderblock::registry;
use thunderline_core::Error;

use crate::{caller::Caller, dto::domain::DomainDetails, problem::Failure, state::Web};

/// Items of a domain's past that are shown.
const PAST: u32 = 20;

/// One domain with its border and its past.
#[utoipa::path(
    get, path = "/api/v1/domains/{name}", tag = "domains", params(("name" = String, Path)),
    responses((status = OK, body = DomainDetails))
)]
pub async fn show(
    State(web): State<Web>,
    Caller(cx): Caller,
    Path(name): Path<String>,
) -> Result<Json<DomainDetails>, Failure> {
    let past = registry::transitions(&cx, &web.domains().block, Some(&name), None, PAST).await?;
    let mesh = web.live().now();
    let status = mesh.domain(&name).ok_or_else(|| Error::not_found(format_args!("domain {name}")))?;
    let manifest = status.manifest;
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Ok(Json(DomainDetails {
        domain: status.into(),
        actions: manifest.actions.iter().map(|action| action.name.to_owned()).collect(),
        emits: names(manifest.emits),
        consumes: names(manifest.consumes),
        jobs: names(manifest.jobs),
        transitions: past.into_iter().map(Into::into).collect(),
    }))
}
