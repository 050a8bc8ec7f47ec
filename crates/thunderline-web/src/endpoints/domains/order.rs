//! `POST /api/v1/domains/{name}/{activate,deactivate,kill}`

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use thunderblock::registry::{self, DomainRow};
use thunderline_core::{DomainState, Error, Wish};
use thunderline_runtime::Mesh as Here;

use crate::{
    body::Input,
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
    Input(order): Input<DomainOrder>,
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
    Input(order): Input<DomainOrder>,
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
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It runs in no process."),
    )
)]
pub async fn kill(
    State(web): State<Web>,
    TokenCaller(cx): TokenCaller,
    Path(name): Path<String>,
    Input(order): Input<DomainOrder>,
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
    if wish == Wish::Kill
        && let Some(reason) = rests(&mesh, &registry::domains(&cx, block).await?, name)
    {
        registry::ORDER.authorize(&cx)?;
        return Err(Error::conflict(reason).into());
    }
    registry::order(&cx, block, &known, name, wish, order.reason.as_deref()).await?;
    let Json(mesh) = super::list::list(State(web.clone()), Caller(cx)).await?;
    Ok((StatusCode::ACCEPTED, Json(mesh)))
}

/// Why a domain cannot fail: it runs neither in this process nor, as far as is written down, in another.
fn rests(here: &Here, written: &[DomainRow], name: &str) -> Option<String> {
    let runs = |state: DomainState| matches!(state, DomainState::Active | DomainState::Degraded);
    let domain = here.domain(name)?;
    // What is written of this process may be late.
    let mut elsewhere = written.iter().filter(|row| row.node != here.node && row.domain == name);
    if runs(domain.state) || elsewhere.any(|row| runs(row.state)) {
        return None;
    }
    Some(format!("{name} is {} ({}): only a domain that runs can be killed", domain.state, domain.reason))
}

#[cfg(test)]
mod tests {
    use thunderline_core::Timestamp;
    use thunderline_runtime::DomainStatus;

    use super::*;

    fn here(state: DomainState) -> Here {
        let domain = DomainStatus {
            manifest: &thunderlink::MANIFEST,
            state,
            since: Timestamp::UNIX_EPOCH,
            reason: "deactivated by ann".into(),
            activated_at: None,
            acknowledged: None,
            failures: 0,
            restart_at: None,
        };
        Here { node: "one".into(), tick: None, domains: vec![domain] }
    }

    fn written(node: &str, state: DomainState) -> DomainRow {
        DomainRow {
            node: node.into(),
            domain: thunderlink::MANIFEST.domain.into(),
            state,
            reason: String::new(),
            tick: 1,
            since: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_a_domain_that_runs_somewhere_can_be_killed() {
        let name = thunderlink::MANIFEST.domain;
        let (active, inactive) = (DomainState::Active, DomainState::Inactive);
        assert_eq!(rests(&here(active), &[], name), None);
        assert_eq!(rests(&here(inactive), &[written("two", active)], name), None);
        let late = [written("one", active), written("two", inactive)];
        let reason = rests(&here(inactive), &late, name).expect("it runs nowhere");
        assert!(reason.contains("inactive (deactivated by ann)"), "{reason}");
        assert_eq!(rests(&here(active), &[], "mars"), None, "which is refused as unknown");
    }
}
