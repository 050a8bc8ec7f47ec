//! Event streams, dead letters, webhooks, flags and the blackboard over REST.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::Method;
use serde_json::{Value, json};
use thunderflow::Flow;
use thunderline_core::{Error, Role};
use thunderline_runtime::{Policy, Relay, Subscription};
use thunderline_testkit::{TestDb, both};

use crate::site::{Answer, Site};

/// Asks with a token of the wanted role.
async fn ask(site: &Site, role: Role, method: Method, path: &str, body: Value) -> Answer {
    let token = thundergate::token::create(&site.t.admin(), site.t.db(), "x", role).await.unwrap();
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    site.ask(method, path, &headers, body.to_string()).await
}

async fn admin(site: &Site, method: Method, path: &str, body: Value) -> Answer {
    ask(site, Role::Admin, method, path, body).await
}

fn fact(number: u32) -> Value {
    json!({ "source": "ward", "id": number.to_string(), "kind": "bed.freed", "data": { "number": number } })
}

both!(a_fact_is_told_once_and_every_kind_of_event_has_a_schema, async |t: TestDb| {
    let site = Site::new(t).await?;
    let told = ask(&site, Role::Operator, Method::POST, "/api/v1/events", fact(1)).await;
    assert_eq!((told.status.as_u16(), &told.json()["taken"]), (201, &json!(true)));
    let again = ask(&site, Role::Operator, Method::POST, "/api/v1/events", fact(1)).await;
    assert_eq!((again.status.as_u16(), &again.json()["taken"]), (200, &json!(false)));
    let event = site.get("/api/v1/events?after=0").await.json()["items"][0].clone();
    assert_eq!(event["name"], "evt.external.received");
    let shown = site.get(&format!("/api/v1/events/{}", event["id"].as_str().unwrap())).await.json();
    assert_eq!(shown, event);
    site.get("/api/v1/events/0197a000-0000-7000-8000-000000000000").await.assert_problem(404, "not_found");
    ask(&site, Role::Viewer, Method::POST, "/api/v1/events", fact(2)).await.assert_problem(403, "forbidden");

    let types = site.get("/api/v1/events/types").await.json();
    let items = types["items"].as_array().unwrap();
    let round = items.iter().find(|it| it["name"] == "fl.round.completed").unwrap();
    assert_eq!(round["schema"]["properties"]["round"]["type"], "integer");
});

both!(a_consumer_is_set_back_and_a_dead_letter_is_replayed_over_rest, async |t: TestDb| {
    let site = Site::new(t).await?;
    let healed = Arc::new(AtomicBool::new(false));
    let healthy = healed.clone();
    let flow = Flow::new(site.t.db().clone());
    let fragile = Subscription::new("t.fragile", &["evt.external.received"], move |_, event, _| {
        let bad = event.payload["data"]["number"] == 1 && !healthy.load(Ordering::SeqCst);
        Box::pin(async move { if bad { Err(Error::internal("cannot digest 1")) } else { Ok(()) } })
    });
    let fragile = fragile.with_policy(Policy::SetAside(Arc::new(flow)));
    let relay = Relay::new(site.t.db().clone(), vec![fragile]);
    for number in 0..3 {
        ask(&site, Role::Operator, Method::POST, "/api/v1/events", fact(number)).await;
    }
    let relayed = relay.run_once(&site.t.system()).await;
    assert_eq!((relayed.delivered, relayed.set_aside), (1, 2), "the third is about the same source");

    let consumers = site.get("/api/v1/consumers").await.json();
    assert_eq!(
        (&consumers["items"][0]["name"], &consumers["items"][0]["dead_letters"]),
        (&json!("t.fragile"), &json!(2))
    );
    let letters = site.get("/api/v1/dead-letters?consumer=t.fragile&state=waiting").await.json();
    assert_eq!(letters["items"].as_array().unwrap().len(), 2);
    let letter = letters["items"].as_array().unwrap().iter().find(|it| it["class"] == "permanent").unwrap();
    assert!(letter["reason"].as_str().unwrap().contains("cannot digest 1"), "{letter}");
    let path = format!("/api/v1/dead-letters/{}", letter["id"].as_str().unwrap());
    assert_eq!(&site.get(&path).await.json(), letter);
    site.get("/api/v1/dead-letters?state=lost").await.assert_problem(422, "invalid");
    site.get("/api/v1/dead-letters/x").await.assert_problem(422, "invalid");

    healed.store(true, Ordering::SeqCst);
    let due = site.post(&format!("{path}/replay"), "").await;
    assert_eq!((due.status.as_u16(), &due.json()["due"]), (202, &json!(2)));
    assert_eq!(relay.run_once(&site.t.system()).await.delivered, 2);
    assert_eq!(site.get(&path).await.json()["state"], "replayed");
    site.post(&format!("{path}/replay"), "").await.assert_problem(409, "conflict");
    admin(&site, Method::POST, &format!("{path}/drop"), json!({})).await.assert_problem(409, "conflict");
    let all = ask(&site, Role::Operator, Method::POST, "/api/v1/dead-letters/replay", json!({})).await;
    assert_eq!(all.json()["due"], 0);

    let first = site.get("/api/v1/events?after=0&limit=1").await.json()["items"][0]["sequence"].clone();
    let replay = "/api/v1/consumers/t.fragile/replay";
    ask(&site, Role::Operator, Method::POST, replay, json!({ "from": first }))
        .await
        .assert_problem(403, "forbidden");
    let set = admin(&site, Method::POST, replay, json!({ "from": first })).await;
    assert_eq!(set.status.as_u16(), 200);
    assert_eq!(relay.run_once(&site.t.system()).await.delivered, 3);
    admin(&site, Method::POST, replay, json!({ "from": 1_000_000 })).await.assert_problem(422, "invalid");
    assert_eq!(
        admin(&site, Method::DELETE, "/api/v1/consumers/t.fragile", json!({})).await.status.as_u16(),
        204
    );
    assert!(site.get("/api/v1/consumers").await.json()["items"].as_array().unwrap().is_empty());
});

both!(a_webhook_shows_its_secret_once, async |t: TestDb| {
    let site = Site::new(t).await?;
    let new = json!({ "name": "ward", "url": "https://example.org/hook", "events": ["fl.round.*"] });
    let made = admin(&site, Method::POST, "/api/v1/webhooks", new.clone()).await;
    assert_eq!(made.status.as_u16(), 201);
    assert!(made.json()["secret"].as_str().unwrap().starts_with("whsec_"));
    let shown = site.get("/api/v1/webhooks/ward").await.json();
    assert_eq!((&shown["state"], shown.get("secret")), (&json!("enabled"), None));
    assert_eq!(site.get("/api/v1/webhooks").await.json()["items"][0], shown);
    admin(&site, Method::POST, "/api/v1/webhooks", new).await.assert_problem(409, "conflict");
    let bad = json!({ "name": "x", "url": "nowhere", "events": [] });
    admin(&site, Method::POST, "/api/v1/webhooks", bad).await.assert_problem(422, "invalid");
    assert_eq!(
        admin(&site, Method::POST, "/api/v1/webhooks/ward/test", json!({})).await.status.as_u16(),
        200
    );
    assert!(
        site.get("/api/v1/webhooks/ward/deliveries").await.json()["items"].as_array().unwrap().is_empty()
    );
    let off = admin(&site, Method::POST, "/api/v1/webhooks/ward/disable", json!({})).await.json();
    assert_eq!(off["state"], "disabled");
    let on = admin(&site, Method::POST, "/api/v1/webhooks/ward/enable", json!({})).await.json();
    assert_eq!(on["state"], "enabled");
    assert_eq!(admin(&site, Method::DELETE, "/api/v1/webhooks/ward", json!({})).await.status.as_u16(), 204);
    site.get("/api/v1/webhooks/ward").await.assert_problem(404, "not_found");
});

both!(flags_and_values_are_put_and_removed, async |t: TestDb| {
    let site = Site::new(t).await?;
    let rules = json!({ "enabled": true, "percentage": 20, "note": "try it" });
    let flag = admin(&site, Method::PUT, "/api/v1/flags/secure_sum", rules).await.json();
    assert_eq!((&flag["enabled"], &flag["percentage"]), (&json!(true), &json!(20)));
    assert_eq!(site.get("/api/v1/flags").await.json()["items"][0], flag);
    let bad = json!({ "enabled": true, "tenants": { "nobody": true } });
    admin(&site, Method::PUT, "/api/v1/flags/secure_sum", bad).await.assert_problem(422, "invalid");
    ask(&site, Role::Operator, Method::PUT, "/api/v1/flags/x", json!({ "enabled": true }))
        .await
        .assert_problem(403, "forbidden");
    assert_eq!(
        admin(&site, Method::DELETE, "/api/v1/flags/secure_sum", json!({})).await.status.as_u16(),
        204
    );
    site.get("/api/v1/flags/secure_sum").await.assert_problem(404, "not_found");

    for scope in ["global", "node"] {
        let path = format!("/api/v1/blackboard/ward.load?scope={scope}");
        let put =
            ask(&site, Role::Operator, Method::PUT, &path, json!({ "value": 3, "ttl_seconds": 60 })).await;
        assert_eq!((&put.json()["kind"], &put.json()["scope"]), (&json!("integer"), &json!(scope)));
        assert_eq!(site.get(&path).await.json()["value"], 3);
        let other = ask(&site, Role::Operator, Method::PUT, &path, json!({ "value": "3" })).await;
        other.assert_problem(409, "conflict");
        let board = site.get(&format!("/api/v1/blackboard?scope={scope}&prefix=ward")).await.json();
        assert_eq!((board["items"].as_array().unwrap().len(), &board["hits"]), (1, &json!(1)));
        assert_eq!(ask(&site, Role::Operator, Method::DELETE, &path, json!({})).await.status.as_u16(), 204);
        site.get(&path).await.assert_problem(404, "not_found");
    }
    site.get("/api/v1/blackboard?scope=mars").await.assert_problem(422, "invalid");
});
