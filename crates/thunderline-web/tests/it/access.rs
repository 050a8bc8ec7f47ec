//! Who may what.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::json;
use thunderline_core::Role;
use thunderline_testkit::{TestDb, both};
use thunderline_web::Settings;

use crate::site::Site;

const SPEC: &str = "model_ref: builtin:softmax(4,2)\nnum_rounds: 1\n";
const LIST: &str = "/api/v1/federations";

both!(parameters_that_an_endpoint_does_not_know_are_refused_by_name, async |t: TestDb| {
    let site = Site::new(t).await?;
    for (path, unknown, allowed) in [
        ("/api/v1/federations?stat=failed&limit=5", "stat", "state"),
        ("/api/v1/events?nam%65s=x", "names", "name"),
        ("/api/v1/flags?limit=5", "limit", "no parameters"),
    ] {
        let problem = site.get(path).await.assert_problem(422, "invalid");
        let told = &problem["problems"][0];
        assert_eq!((&told["path"], problem["problems"].as_array().unwrap().len()), (&json!(unknown), 1));
        assert!(told["allowed"].as_str().unwrap().contains(allowed), "{problem}");
    }
    for path in
        ["/api/v1/federations?state=failed&limit=5", "/healthz?verbose", "/?theme=dark", "/openapi.json?v=1"]
    {
        assert_eq!(site.get(path).await.status, StatusCode::OK, "{path}");
    }
    let wrong = site.ask(Method::POST, "/api/v1/federations?dry_run=true", &[], "x").await;
    wrong.assert_problem(422, "invalid");
});

both!(nothing_is_told_or_done_without_a_token, async |t: TestDb| {
    let site = Site::new(t).await?;
    for (method, path) in [(Method::GET, LIST), (Method::POST, LIST), (Method::GET, "/api/v1/events/stream")]
    {
        let answer = site.ask(method, path, &[("authorization", "")], SPEC).await;
        answer.assert_problem(401, "unauthenticated");
    }
    let answer = site.ask(Method::GET, LIST, &[("authorization", "Bearer tl_guessed")], Body::empty()).await;
    answer.assert_problem(401, "unauthenticated");
    let answer = site.ask(Method::GET, LIST, &[("authorization", "Basic eDp5")], Body::empty()).await;
    answer.assert_problem(401, "unauthenticated");
});

both!(a_viewer_looks_and_does_not_touch, async |t: TestDb| {
    let site = Site::new(t).await?;
    let id = site.submit("seen").await;
    let token = format!("Bearer {}", site.viewer);
    let as_viewer = [("authorization", token.as_str()), ("content-type", "application/json")];
    let answer = site.ask(Method::GET, &format!("{LIST}/{id}"), &as_viewer, Body::empty()).await;
    assert_eq!(answer.status, StatusCode::OK);
    let before = site.t.events().await.len();
    for path in [
        LIST.to_owned(),
        format!("{LIST}/{id}/pause"),
        format!("{LIST}/{id}/cancel"),
        "/api/v1/artifacts?kind=dataset".into(),
    ] {
        let body = if path.ends_with("cancel") { "{}" } else { SPEC };
        let answer = site.ask(Method::POST, &path, &as_viewer, body).await;
        answer.assert_problem(403, "forbidden");
    }
    assert_eq!(site.t.events().await.len(), before);
});

both!(the_page_may_look_from_this_machine_only, async |t: TestDb| {
    let settings = Settings { loopback_role: Some(Role::Viewer), ..Settings::default() };
    let site = Site::with(t, settings).await?;
    let asked =
        async |method, host| site.ask(method, LIST, &[("authorization", ""), ("host", host)], SPEC).await;
    assert_eq!(asked(Method::GET, "127.0.0.1:4000").await.status, StatusCode::OK);
    asked(Method::POST, "127.0.0.1:4000").await.assert_problem(403, "forbidden");
    asked(Method::GET, "evil.example").await.assert_problem(401, "unauthenticated");
    for header in ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via"] {
        let headers = [("authorization", ""), ("host", "localhost"), (header, "10.0.0.1")];
        let answer = site.ask(Method::GET, LIST, &headers, Body::empty()).await;
        answer.assert_problem(401, "unauthenticated");
    }
    let artifact = site.post("/api/v1/artifacts?kind=dataset", "1,2,0\n3,4,1\n").await.json();
    let path = format!("/api/v1/artifacts/{}", artifact["id"].as_str().unwrap());
    let anonymous = [("authorization", ""), ("host", "localhost")];
    assert_eq!(site.ask(Method::GET, &path, &anonymous, Body::empty()).await.status, StatusCode::OK);
    let content = format!("{path}/content");
    let answer = site.ask(Method::GET, &content, &anonymous, Body::empty()).await;
    answer.assert_problem(401, "unauthenticated");
    assert_eq!(site.get(&content).await.status, StatusCode::OK);
});

both!(the_page_and_its_files_load_nothing_from_elsewhere, async |t: TestDb| {
    let site = Site::new(t).await?;
    for (path, media_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/openapi.json", "application/json"),
        ("/health", "application/json"),
        ("/readyz", "application/json"),
    ] {
        let answer = site.ask(Method::GET, path, &[("authorization", "")], Body::empty()).await;
        assert_eq!((answer.status, answer.media_type.as_str()), (StatusCode::OK, media_type), "{path}");
        let text = answer.text().replace("http://www.w3.org/2000/svg", "").replace("http://127.0.0.1", "");
        assert!(path == "/openapi.json" || !text.contains("://"), "{path} names another place");
    }
    site.get("/api/v1/nothing").await.assert_problem(404, "not_found");
    site.ask(Method::DELETE, LIST, &[], Body::empty()).await.assert_problem(405, "invalid");
    site.closing.cancel();
    assert_eq!(site.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(site.get("/healthz").await.text(), "ok");
});
