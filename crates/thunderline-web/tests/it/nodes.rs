//! Nodes, groups and zones over REST.

use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::json;
use thunderline_core::NodeId;
use thunderline_testkit::{TestDb, both};
use thunderlink::activate::{self, Profile};

use crate::site::Site;

async fn node(site: &Site, bits: u64) -> thunderline_core::Result<()> {
    let profile = Profile {
        public_key: "key".into(),
        name: Some(format!("ward-{bits}")),
        capacity: Some(json!({"cores": bits})),
        ..Profile::default()
    };
    activate::activate(&site.t.node(NodeId::from_bits(bits)), &site.links, profile).await.map(drop)
}

both!(nodes_are_grouped_described_and_shut_out, async |t: TestDb| {
    let site = Site::new(t).await?;
    for bits in 1..=3 {
        node(&site, bits).await?;
    }
    let made = site.post("/api/v1/node-groups", r#"{"name": "eu", "kind": "region"}"#).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    site.post("/api/v1/node-groups", r#"{"name": "berlin", "parent": "eu"}"#).await;
    let joined = site.post("/api/v1/node-groups/berlin/members", r#"{"add": ["2", "3"]}"#).await;
    assert_eq!(joined.json()["members"], 2, "{}", joined.text());
    let below = site.get("/api/v1/nodes?group=eu&limit=1").await.json();
    assert_eq!((&below["items"][0]["id"], &below["items"][0]["groups"]), (&json!("3"), &json!(["berlin"])));
    let next = format!("/api/v1/nodes?group=eu&before={}", below["next"].as_str().unwrap());
    assert_eq!(site.get(&next).await.json()["items"][0]["id"], "2");

    let circle = site
        .ask(
            Method::PUT,
            "/api/v1/node-groups/eu/parent",
            &[("content-type", "application/json")],
            r#"{"parent": "berlin"}"#,
        )
        .await;
    assert_eq!(circle.assert_problem(422, "invalid")["problems"][0]["path"], "parent");
    let kind = site.post("/api/v1/node-groups", r#"{"name": "x", "kind": "pool"}"#).await;
    assert!(
        kind.assert_problem(422, "invalid")["problems"][0]["allowed"].as_str().unwrap().contains("project")
    );
    let odd = site.post("/api/v1/node-groups", r#"{"name": "a/b"}"#).await;
    assert_eq!(odd.assert_problem(422, "invalid")["problems"][0]["path"], "name");
    let member = site.post("/api/v1/node-groups/eu/members", r#"{"add": ["1", "one"]}"#).await;
    assert_eq!(member.assert_problem(422, "invalid")["problems"][0]["path"], "add[1]");
    site.ask(Method::DELETE, "/api/v1/node-groups/eu", &[], Body::empty())
        .await
        .assert_problem(409, "conflict");

    let path = "/api/v1/nodes/1/capabilities/cores";
    let set = site.ask(Method::PUT, path, &[("content-type", "application/json")], r#"{"value": 64}"#).await;
    assert_eq!(
        set.json()["capabilities"]["cores"],
        json!({"value": 64, "enabled": true, "source": "operator"})
    );
    let unset = site.ask(Method::DELETE, path, &[], Body::empty()).await;
    assert_eq!(unset.json()["capabilities"]["cores"]["value"], 1);

    let evicted = site.post("/api/v1/nodes/1/evict", r#"{"reason": "stolen"}"#).await;
    assert_eq!(evicted.json()["evicted"]["reason"], "stolen", "{}", evicted.text());
    assert_eq!(site.get("/api/v1/nodes?evicted=true").await.json()["items"].as_array().unwrap().len(), 1);
    let sessions = site.get("/api/v1/sessions?node=1").await.json();
    assert_eq!(sessions["items"][0]["reason"], "it was shut out: stolen");
    assert_eq!(site.post("/api/v1/nodes/1/readmit", "{}").await.json()["evicted"], json!(null));
    site.get("/api/v1/nodes?before=x").await.assert_problem(422, "invalid");
});

both!(zones_are_held_by_one_owner_at_a_time, async |t: TestDb| {
    let site = Site::new(t).await?;
    let made = site.post("/api/v1/zones", r#"{"name": "charite", "labels": {"site": "charite"}}"#).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let held = site.post("/api/v1/zones/charite/claim", r#"{"owner": "a", "ttl": 60}"#).await.json();
    assert_eq!((&held["owner"], &held["token"]), (&json!("a"), &json!(1)));
    site.post("/api/v1/zones/charite/claim", r#"{"owner": "b"}"#).await.assert_problem(409, "conflict");
    site.post("/api/v1/zones/charite/renew", r#"{"token": 1, "ttl": 60}"#).await;
    site.t.clock.advance(thunderline_core::SignedDuration::from_secs(60));
    assert_eq!(site.get("/api/v1/zones/charite").await.json()["owner"], json!(null));
    let next = site.post("/api/v1/zones/charite/claim", r#"{"owner": "b"}"#).await.json();
    assert_eq!(next["token"], 2);
    site.post("/api/v1/zones/charite/release", r#"{"token": 1}"#).await.assert_problem(409, "conflict");
    assert_eq!(site.post("/api/v1/zones/charite/release", r#"{"token": 2}"#).await.status, StatusCode::OK);
    let gone = site.ask(Method::DELETE, "/api/v1/zones/charite", &[], Body::empty()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
});
