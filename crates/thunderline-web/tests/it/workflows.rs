//! Workflows, lineage and decisions over HTTP.

use axum::http::{Method, StatusCode};
use serde_json::json;
use thunderline_testkit::{TestDb, both};

use crate::site::Site;

const WORKFLOWS: &str = "/api/v1/workflows";
const GOOD: &str = "
name: ask
inputs: { who: { description: whom to ask } }
nodes:
  look: { action: approve, input: { question: 'does ${input.who} agree?' } }
  told: { action: note, needs: [look], input: { message: '${look.by} agreed' } }
";

both!(a_workflow_is_defined_started_shown_and_decided_on, async |t: TestDb| {
    let site = Site::new(t).await?;
    let defined = site.post(WORKFLOWS, GOOD).await;
    assert_eq!(defined.status, StatusCode::CREATED, "{}", defined.text());
    assert_eq!(site.get(WORKFLOWS).await.json()["items"][0]["name"], "ask");
    assert_eq!(site.get(&format!("{WORKFLOWS}/ask")).await.json()["nodes"][1]["needs"], json!(["look"]));
    let path = format!("{WORKFLOWS}/ask/executions");
    let problem = site.post(&path, "{}").await.assert_problem(422, "invalid");
    assert_eq!(problem["problems"][0]["path"], "inputs.who");
    let key = [("content-type", "application/json"), ("idempotency-key", "k")];
    let body = r#"{"inputs": {"who": "Ada"}}"#;
    let one = site.ask(Method::POST, &path, &key, body).await.json();
    let two = site.ask(Method::POST, &path, &key, body).await.json();
    assert_eq!(one["id"], two["id"]);
    let id = one["id"].as_str().unwrap();
    let shown = site.get(&format!("/api/v1/executions/{id}")).await.json();
    assert_eq!((&shown["state"], &shown["nodes"][0]["state"]), (&"running".into(), &"pending".into()));
    let decide = format!("/api/v1/executions/{id}/nodes/look/decide");
    site.post(&decide, r#"{"approved": true}"#).await.assert_problem(409, "conflict");
    let execution: thunderline_core::ExecutionId = id.parse()?;
    let vine = thundervine::Vine::new(site.t.db().clone());
    thundervine::workflow::drive::drive(&site.t.system(), &vine, execution).await?;
    let shown = site.get(&format!("/api/v1/executions/{id}")).await.json();
    assert_eq!(shown["nodes"][0]["waits_for"], "does Ada agree?");
    assert_eq!(site.post(&decide, r#"{"approved": true}"#).await.status, StatusCode::OK);
    thundervine::workflow::drive::drive(&site.t.system(), &vine, execution).await?;
    let listed = site.get("/api/v1/executions?workflow=ask&state=completed").await.json();
    assert_eq!(listed["items"][0]["id"], id);
    let kept = site.post(&format!("/api/v1/executions/{id}/snapshots"), "").await;
    assert_eq!(
        (kept.status, kept.json()["document"]["execution"]["state"].clone()),
        (StatusCode::CREATED, json!("completed"))
    );
    let cancel = format!("/api/v1/executions/{id}/cancel");
    site.post(&cancel, r#"{"reason": "late"}"#).await.assert_problem(409, "conflict");
});

both!(what_is_wrong_with_a_workflow_is_told_at_once, async |t: TestDb| {
    let site = Site::new(t).await?;
    let wrong = "name: x\nnodes:\n  a: { action: fly, needs: [b] }\n  b: { action: wait, needs: [a] }\n";
    let problem = site.post(WORKFLOWS, wrong).await.assert_problem(422, "invalid");
    let problems = problem["problems"].as_array().unwrap();
    let paths: Vec<_> = problems.iter().map(|problem| problem["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["nodes.a.action", "nodes.a.needs", "nodes.b.input.for", "nodes.b.needs"]);
    assert_eq!(problems[0]["allowed"], "approve, note, wait");
    site.get("/api/v1/executions?state=odd").await.assert_problem(422, "invalid");
    for path in ["/api/v1/workflows/none", "/api/v1/executions/00000000-0000-0000-0000-000000000001"] {
        site.get(path).await.assert_problem(404, "not_found");
    }
    assert!(site.t.events().await.is_empty());
});

both!(lineage_and_decisions_are_asked_for_by_name, async |t: TestDb| {
    let site = Site::new(t).await?;
    site.get("/api/v1/lineage/none").await.assert_problem(404, "not_found");
    let problem = site.get("/api/v1/lineage/none?depth=0").await.assert_problem(422, "invalid");
    assert_eq!(problem["problems"][0]["path"], "depth");
    assert_eq!(site.get("/api/v1/decisions").await.json()["items"], json!([]));
    let problem = site.get("/api/v1/decisions?kind=odd").await.assert_problem(422, "invalid");
    assert!(problem["problems"][0]["allowed"].as_str().unwrap().contains("round.closed"), "{problem}");
    site.get("/api/v1/decisions/trail/odd").await.assert_problem(422, "invalid");
    let viewer = format!("Bearer {}", site.viewer);
    let refused = site.ask(Method::POST, WORKFLOWS, &[("authorization", &viewer)], GOOD).await;
    refused.assert_problem(403, "forbidden");
});
