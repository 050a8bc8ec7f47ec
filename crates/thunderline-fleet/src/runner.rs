//! The lease service for Thunderline's own runners: enrolling, and claiming a signed lease. JSON, signed like all requests
//! of nodes.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use federation::actions::read::{self, Expected};
use http::HeaderMap;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use thunderline_contracts::link::NodeKind;
use thunderline_core::{Error, LeaseId, NodeId, Result, RunId, Timestamp};
use thunderlink::{
    Transport,
    activate::{self, Profile},
};

use crate::{Fleet, caller, fleet::Node, receive, refusal};

const LIMIT: usize = 64 * 1024;
/// The signs of life that a runner is asked for.
const HEARTBEAT_SECONDS: f64 = 30.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolRequest {
    /// Base64 of the PEM public key.
    public_key: String,
    name: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    capacity: Value,
    #[serde(default)]
    version: String,
}

#[derive(Serialize)]
struct EnrolAnswer {
    node_id: NodeId,
    /// Base64 of the Ed25519 key that signs manifests.
    manifest_key: String,
    heartbeat_seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimRequest {
    run_id: RunId,
    message_id: String,
}

#[derive(Serialize)]
struct ClaimAnswer {
    lease_id: LeaseId,
    manifest: String,
    expires_at: Timestamp,
}

/// `POST /v1/runner/enrol`.
pub(crate) async fn enrol(State(fleet): State<Fleet>, request: Request) -> Response {
    answer(enrolled(&fleet, request).await)
}

/// `POST /v1/runner/leases/claim`.
pub(crate) async fn claim(State(fleet): State<Fleet>, request: Request) -> Response {
    answer(claimed(&fleet, request).await)
}

async fn enrolled(fleet: &Fleet, request: Request) -> Result<EnrolAnswer> {
    let (node, request): (Node, EnrolRequest) = read_signed(fleet, request).await?;
    let key = STANDARD.decode(&request.public_key);
    caller::is_own_key(&node.key, &key.unwrap_or_default())?;
    let profile = Profile {
        public_key: node.key.pem(),
        kind: Some(NodeKind::Runner),
        name: Some(request.name),
        tags: Some(request.tags),
        capacity: Some(request.capacity),
        version: Some(request.version),
        heartbeat_seconds: Some(HEARTBEAT_SECONDS),
        transport: node.heard.transport,
    };
    activate::activate(&node.cx, &fleet.links, profile).await?;
    Ok(EnrolAnswer {
        node_id: node.id,
        manifest_key: STANDARD.encode(fleet.signer.public_key()),
        heartbeat_seconds: HEARTBEAT_SECONDS,
    })
}

/// The lease was claimed when its message was pulled; here the runner gets the proof. Asking again gives it again.
async fn claimed(fleet: &Fleet, request: Request) -> Result<ClaimAnswer> {
    let (node, request): (Node, ClaimRequest) = read_signed(fleet, request).await?;
    fleet.seen(&node).await?;
    let expected = read::expected_reply(&node.cx, &fleet.federations, &request.message_id).await?;
    let Expected::Open(lease) = expected else {
        return Err(Error::conflict("the node holds no lease for this message"));
    };
    let claims = read::manifest(&node.cx, &fleet.federations, lease.id).await?;
    if claims.run_id != request.run_id {
        return Err(Error::conflict("the message is of another run"));
    }
    let manifest = fleet.signer.sign(&claims)?;
    Ok(ClaimAnswer { lease_id: lease.id, manifest, expires_at: lease.expires_at })
}

async fn read_signed<T: DeserializeOwned>(fleet: &Fleet, request: Request) -> Result<(Node, T)> {
    let (parts, body): (_, Body) = request.into_parts();
    let headers: &HeaderMap = &parts.headers;
    let node = fleet.node(caller::over_http(headers, fleet.cx.now())?, Transport::Runner)?;
    let received = receive::over_http(body, LIMIT, &fleet.spool, node.id).await?;
    let request = serde_json::from_slice(&received.bytes)
        .map_err(|error| Error::invalid_value("request", error.to_string(), "the documented JSON object"))?;
    Ok((node, request))
}

fn answer<T: Serialize>(result: Result<T>) -> Response {
    match result {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refusal::http(None, &error),
    }
}
