//! Backups, checkpoints and retention over REST: who may, and what is said.

use axum::http::{Method, StatusCode};
use serde_json::json;
use thunderline_core::Role;
use thunderline_testkit::{TestDb, both};

use crate::site::Site;

both!(upkeep_needs_the_right_role, async |t: TestDb| {
    let site = Site::new(t).await?;
    let admin = thundergate::token::create(&site.t.admin(), site.t.db(), "admin", Role::Admin).await?;
    let (admin, viewer) = (format!("Bearer {admin}"), format!("Bearer {}", site.viewer));
    site.post("/api/v1/backups", "{}").await.assert_problem(403, "forbidden");
    site.post("/api/v1/retention/run", "{}").await.assert_problem(403, "forbidden");
    site.post("/api/v1/retention/audit/set", "{}").await.assert_problem(403, "forbidden");
    for path in ["/api/v1/backups", "/api/v1/checkpoints", "/api/v1/retention"] {
        assert_eq!(site.get(path).await.json()["items"], json!([]), "{path}");
        let answer = site.ask(Method::GET, path, &[("authorization", &viewer)], "").await;
        answer.assert_problem(403, "forbidden");
    }
    let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
    // This site was given no folder.
    let answer = site.ask(Method::POST, "/api/v1/backups", &headers, "{}").await;
    answer.assert_problem(409, "conflict");
    let answer = site.ask(Method::POST, "/api/v1/retention/audit/set", &headers, "{\"keep_days\":1}").await;
    assert!(answer.status.is_client_error(), "unknown fields are refused: {}", answer.text());
    let answer =
        site.ask(Method::POST, "/api/v1/retention/nothing/set", &headers, "{\"keep_seconds\":1}").await;
    answer.assert_problem(422, "invalid");
    let answer = site.ask(Method::POST, "/api/v1/retention/run", &headers, "{}").await;
    assert_eq!((answer.status, &answer.json()["items"]), (StatusCode::OK, &json!([])));
    site.get("/api/v1/backups/x").await.assert_problem(422, "invalid");
    site.get("/api/v1/checkpoints/01890000-0000-7000-8000-000000000000")
        .await
        .assert_problem(404, "not_found");
});

both!(health_says_how_each_part_is_and_has_a_history, async |t: TestDb| {
    let site = Site::new(t).await?;
    let healthy = site.get("/health").await;
    assert_eq!((healthy.status, &healthy.json()["status"]), (StatusCode::OK, &json!("ok")));
    let checks = healthy.json()["checks"].as_array().expect("checks are a list").clone();
    assert!(checks.iter().all(|check| check["ok"] == true && check["status"] == "healthy"), "{checks:?}");
    site.closing.cancel();
    for path in ["/health", "/readyz"] {
        let answer = site.get(path).await;
        assert_eq!(
            (answer.status, answer.media_type.as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "application/json")
        );
        let health = answer.json();
        assert_eq!(health["status"], "not_ready", "{health}");
        let checks = health["checks"].as_array().expect("checks are a list");
        let serving = checks.iter().find(|check| check["name"] == "serving").expect("it is looked at");
        assert_eq!((&serving["ok"], &serving["detail"]), (&json!(false), &json!("stopping")));
    }
    assert_eq!(site.get("/api/v1/health/changes").await.json()["items"], json!([]));
});
