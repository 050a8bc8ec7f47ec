//! `GET /healthz`, `GET /readyz`, `GET /health`

use axum::{Json, extract::State, http::StatusCode};
use thunderline_core::Result;

use crate::{
    dto::health::{Check, Health},
    state::Web,
};

/// Whether the process lives. Looks at nothing else, so that a broken database does not get the process killed.
#[utoipa::path(get, path = "/healthz", tag = "health", security(()), responses((status = OK, body = String)))]
pub async fn healthz() -> &'static str {
    "ok"
}

/// Whether requests can be served now.
#[utoipa::path(
    get, path = "/readyz", tag = "health", security(()),
    responses((status = OK, body = Health), (status = SERVICE_UNAVAILABLE, body = Health))
)]
pub async fn readyz(State(web): State<Web>) -> (StatusCode, Json<Health>) {
    look(&web).await
}

/// How each part is.
#[utoipa::path(
    get, path = "/health", tag = "health", security(()),
    responses((status = OK, body = Health), (status = SERVICE_UNAVAILABLE, body = Health))
)]
pub async fn health(State(web): State<Web>) -> (StatusCode, Json<Health>) {
    look(&web).await
}

async fn look(web: &Web) -> (StatusCode, Json<Health>) {
    let database =
        web.db().last_sequence().await.map(|last| format!("it answers; the newest event has number {last}"));
    let objects = web.federations().objects.checkpoints().map(|_| "open".to_owned());
    let mesh = web.live().now();
    let late: Vec<_> = mesh
        .not_ready()
        .map(|domain| format!("{} is {}: {}", domain.manifest.domain, domain.state, domain.reason))
        .collect();
    let domains = if late.is_empty() { format!("{} active", mesh.active()) } else { late.join("; ") };
    let serving = !web.closing().is_cancelled();
    let mut checks = vec![
        check("database", database),
        check("objects", objects),
        Check::new("domains", late.is_empty(), domains),
        Check::new("serving", serving, if serving { "yes" } else { "stopping" }.into()),
    ];
    for seen in web.domains().block.health.now().checks {
        // What was asked just now comes before what was seen some seconds ago.
        match checks.iter_mut().find(|check| check.name == seen.component) {
            Some(check) if check.ok => *check = seen.into(),
            Some(_) => {}
            None => checks.push(seen.into()),
        }
    }
    let ok = checks.iter().all(|check| check.ok);
    let status = match ok {
        false => "not_ready",
        true if checks.iter().any(|check| check.status == "degraded") => "degraded",
        true => "ok",
    };
    let status = status.to_owned();
    let code = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Health { status, version: web.settings().version.to_owned(), checks }))
}

fn check(name: &str, seen: Result<String>) -> Check {
    let (ok, detail) = match seen {
        Ok(detail) => (true, detail),
        Err(error) => (false, error.external().to_owned()),
    };
    Check::new(name, ok, detail)
}
