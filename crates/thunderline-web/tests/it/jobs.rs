//! Jobs and schedules.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::json;
use thunderline_core::Role;
use thunderline_testkit::{TestDb, both};

use crate::site::Site;

const JOBS: &str = "/api/v1/jobs";
const SCHEDULES: &str = "/api/v1/schedules";

both!(a_job_is_listed_shown_and_steered, async |t: TestDb| {
    let site = Site::new(t).await?;
    site.post("/api/v1/federations", "model_ref: builtin:softmax(4,2)\nnum_rounds: 3\n").await;
    let listed = site.get(&format!("{JOBS}?state=available&name=fl.federation.drive")).await.json();
    let id = listed["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{JOBS}/{id}");
    assert_eq!(site.get(&path).await.json()["history"], json!([]));
    assert_eq!(site.post(&format!("{path}/run"), "").await.json()["state"], "available");
    let cancelled = site.post(&format!("{path}/cancel"), json!({"reason": "enough"}).to_string()).await;
    assert_eq!(
        (&cancelled.json()["state"], &cancelled.json()["last_error"]),
        (&"cancelled".into(), &"enough".into())
    );
    site.post(&format!("{path}/cancel"), json!({}).to_string()).await.assert_problem(409, "conflict");
    assert_eq!(site.post(&format!("{path}/retry"), "").await.json()["state"], "available");
    site.post(&format!("{path}/retry"), "").await.assert_problem(409, "conflict");
    site.get(&format!("{JOBS}?state=asleep")).await.assert_problem(422, "invalid");
    site.get(&format!("{JOBS}/nonsense")).await.assert_problem(422, "invalid");
    site.get(&format!("{JOBS}/{}", site.t.tenant())).await.assert_problem(404, "not_found");
});

both!(a_listing_of_jobs_comes_in_pieces, async |t: TestDb| {
    let site = Site::new(t).await?;
    for _ in 0..3 {
        site.post("/api/v1/federations", "model_ref: builtin:softmax(4,2)\nnum_rounds: 3\n").await;
    }
    let first = site.get(&format!("{JOBS}?limit=2")).await.json();
    let next = first["next"].as_str().unwrap();
    let second = site.get(&format!("{JOBS}?limit=2&before={next}")).await.json();
    assert_eq!((first["items"].as_array().unwrap().len(), second["items"].as_array().unwrap().len()), (2, 1));
    assert!(second["next"].is_null());
});

both!(a_schedule_is_made_steered_and_removed_by_its_name, async |t: TestDb| {
    let site = Site::new(t).await?;
    let wanted = json!({"name": "nightly", "cron": "30 2 * * *", "zone": "Europe/Berlin", "job": "block.retention.sweep"});
    // The sweep is for those who may change the installation.
    site.post(SCHEDULES, wanted.to_string()).await.assert_problem(403, "forbidden");
    let admin = thundergate::token::create(&site.t.admin(), site.t.db(), "admin", Role::Admin).await?;
    let (kind, admin) = (("content-type", "application/json"), format!("Bearer {admin}"));
    let headers = [kind, ("authorization", admin.as_str())];
    let made = site.ask(Method::POST, SCHEDULES, &headers, wanted.to_string()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(made.json()["next_at"], "2027-01-16T01:30:00Z");
    let again = site.ask(Method::POST, SCHEDULES, &headers, wanted.to_string()).await;
    again.assert_problem(409, "conflict");
    let path = format!("{SCHEDULES}/nightly");
    assert_eq!(site.get(&path).await.json()["id"], made.json()["id"]);
    assert_eq!(site.post(&format!("{path}/pause"), "").await.json()["state"], "paused");
    site.post(&format!("{path}/pause"), "").await.assert_problem(409, "conflict");
    assert_eq!(site.post(&format!("{path}/resume"), "").await.json()["state"], "active");
    site.post(&format!("{path}/run"), "").await;
    site.t.assert_jobs(["block.retention.sweep"]).await;
    assert_eq!(site.get(SCHEDULES).await.json()["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(site.ask(Method::DELETE, &path, &[], Body::empty()).await.status, StatusCode::OK);
    site.get(&path).await.assert_problem(404, "not_found");
});

both!(what_is_wrong_with_a_schedule_is_said_at_once, async |t: TestDb| {
    let site = Site::new(t).await?;
    let wrong = json!({"name": "", "cron": "* * *", "zone": "Berlin", "job": "x"});
    let problem = site.post(SCHEDULES, wrong.to_string()).await.assert_problem(422, "invalid");
    let paths: Vec<_> =
        problem["problems"].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["name", "job", "cron", "zone"]);
    let wrong = json!({"name": "a", "cron": "@daily", "job": "block.retention.sweep", "missed": "maybe"});
    site.post(SCHEDULES, wrong.to_string()).await.assert_problem(422, "invalid");
});
