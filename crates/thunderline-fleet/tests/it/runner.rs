//! The lease service for our own runners.

use axum::{body::Body, extract::Request, http::StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD};
use federation::{actions::submit, manifest::ManifestClaims};
use serde_json::{Value, json};
use thunderline_core::Result;
use thunderline_testkit::{TestDb, both};

use crate::{
    client::{Client, Transport},
    edge::Edge,
};

async fn post(edge: &Edge, client: &Client, path: &str, document: &Value) -> (StatusCode, Value) {
    let credentials = client.key.sign(edge.t.system().now()).expect("signing works");
    let headers = credentials.to_headers().into_iter();
    let request = headers.fold(Request::post(path), |builder, (name, value)| builder.header(name, value));
    let (parts, body, _) =
        edge.send(request.body(Body::from(document.to_string())).expect("the request is well formed")).await;
    (parts.status, serde_json::from_slice(&body).expect("answers are JSON"))
}

pub async fn enrol(edge: &Edge, client: &Client) -> (StatusCode, Value) {
    let document = json!({
        "public_key": STANDARD.encode(client.key.public_key().pem()),
        "name": "site-1", "tags": ["gpu"], "capacity": {"cores": 4, "memory_bytes": 1}, "version": "0.1.0",
    });
    post(edge, client, "/v1/runner/enrol", &document).await
}

async fn working(edge: &Edge, client: &Client) -> Result<()> {
    let (status, answer) = enrol(edge, client).await;
    assert_eq!((status, &answer["node_id"]), (StatusCode::OK, &json!(client.id.to_string())));
    edge.relay().await?;
    let spec =
        "model_ref: builtin:softmax(4,2)\nnum_rounds: 1\nmin_clients: 1\nclient_selector: {tags: [gpu]}\n";
    let federation = submit::submit(&edge.t.operator(), &edge.domain, spec, None).await?;
    edge.drive(&federation).await
}

both!(a_runner_enrols_and_claims_a_manifest_that_only_it_may_use, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let client = Client::new(Transport::Http);
    working(&edge, &client).await?;
    let key = STANDARD.decode(enrol(&edge, &client).await.1["manifest_key"].as_str().unwrap()).unwrap();
    let task = client.task(&edge).await.unwrap().unwrap();
    let document = json!({"run_id": task.run().to_string(), "message_id": task.id()});
    let (status, claimed) = post(&edge, &client, "/v1/runner/leases/claim", &document).await;
    assert_eq!(status, 200, "{claimed}");
    let claims: ManifestClaims = thundergate::verify(claimed["manifest"].as_str().unwrap(), &key)?;
    assert_eq!((claims.aud, claims.run_id.get()), (client.id, task.run()));
    assert_eq!(claims.message_id.as_deref(), Some(task.id()));
    assert_eq!(claims.lease_id.to_string(), claimed["lease_id"]);
    assert!(claimed["expires_at"].is_string());
    // Asking again gives the same lease.
    let (_, again) = post(&edge, &client, "/v1/runner/leases/claim", &document).await;
    assert_eq!(again["lease_id"], claimed["lease_id"]);

    let stranger = Client::new(Transport::Http);
    let (status, refused) = post(&edge, &stranger, "/v1/runner/leases/claim", &document).await;
    assert_eq!((status, &refused["code"]), (StatusCode::FORBIDDEN, &json!(403)));
    let other = json!({"run_id": "7", "message_id": task.id()});
    assert_eq!(post(&edge, &client, "/v1/runner/leases/claim", &other).await.0, StatusCode::FORBIDDEN);
});

both!(an_enrolment_with_a_foreign_key_or_nonsense_is_refused, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let (client, other) = (Client::new(Transport::Http), Client::new(Transport::Http));
    let foreign = json!({"public_key": STANDARD.encode(other.key.public_key().pem()), "name": "x"});
    assert_eq!(post(&edge, &client, "/v1/runner/enrol", &foreign).await.0, StatusCode::UNAUTHORIZED);
    let (status, answer) = post(&edge, &client, "/v1/runner/enrol", &json!({"nam": "x"})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(answer["detail"].as_str().unwrap().contains("nam"), "{answer}");
    edge.t.assert_events([]).await;
});

both!(an_exchange_is_refused_where_there_is_none, async |t: TestDb| {
    let edge = Edge::new(t)?;
    let client = Client::new(Transport::Http);
    working(&edge, &client).await?;
    let task = client.task(&edge).await.unwrap().unwrap();
    let path = |exchange: &str| format!("/v1/runner/exchanges/{}/{exchange}", task.id());
    let detail = |answer: &Value| answer["detail"].as_str().unwrap_or_default().to_owned();
    // The federation has no secure aggregation.
    for path in [path("advertise"), path("advertise/answer")] {
        let (status, answer) = post(&edge, &client, &path, &json!({})).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(detail(&answer).contains("no secure aggregation"), "{answer}");
    }
    let (status, answer) = post(&edge, &client, &path("dance"), &json!({})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(detail(&answer).contains("no exchange 'dance'"), "{answer}");
    let stranger = Client::new(Transport::Http);
    let (status, answer) = post(&edge, &stranger, &path("advertise"), &json!({})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(detail(&answer).contains("no lease"), "{answer}");
});
