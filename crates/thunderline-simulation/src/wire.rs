//! Requests as they go over the wire, and what a client understands of the answers.

use axum::{
    Router,
    body::Body,
    http::{HeaderName, HeaderValue, Request},
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::BodyExt;
use thunderline_core::{NodeId, Timestamp};
use thunderline_flower::{
    Rpc,
    auth::{self, Credentials, SigningKey},
};
use tower::ServiceExt;

/// Somebody with a key.
pub(crate) struct Caller {
    key: SigningKey,
    pub(crate) id: NodeId,
    grpc: bool,
    signed: Option<(Timestamp, Credentials)>,
}

/// A request as it was sent: it may arrive late, twice, or never.
#[derive(Clone)]
pub(crate) struct Sent {
    path: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    grpc: bool,
}

/// What a client understands: see docs/fleet-api.md.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// The call's answer.
    Message(Bytes),
    /// Try again.
    Retry,
    /// This will not happen.
    Over,
    /// Go away.
    Leave,
}

impl Answer {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Message(_) => "answered",
            Self::Retry => "retry",
            Self::Over => "over",
            Self::Leave => "leave",
        }
    }
}

impl Caller {
    pub(crate) fn new(key: SigningKey, grpc: bool) -> Self {
        Self { id: key.public_key().node_id(), key, grpc, signed: None }
    }

    pub(crate) fn pem(&self) -> Bytes {
        Bytes::from(self.key.public_key().pem())
    }

    /// A signed request.
    pub(crate) fn send(&mut self, now: Timestamp, rpc: Rpc, message: &[u8]) -> Sent {
        // The signature is over the time alone, and time stands still for long.
        if self.signed.as_ref().is_none_or(|(at, _)| *at != now) {
            self.signed = Some((now, self.key.sign(now).expect("signing works")));
        }
        let (_, credentials) = self.signed.as_ref().expect("it was signed just now");
        let header = |name: &'static str, value: &str| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("it is plain ASCII"))
        };
        let mut body = BytesMut::new();
        let (path, headers) = if self.grpc {
            body.put_u8(0);
            body.put_u32(message.len() as u32);
            let headers = vec![
                header("content-type", "application/grpc"),
                header("te", "trailers"),
                header(auth::PUBLIC_KEY_BIN, &STANDARD_NO_PAD.encode(&credentials.public_key)),
                header(auth::TIMESTAMP, &credentials.timestamp),
                header(auth::SIGNATURE_BIN, &STANDARD_NO_PAD.encode(&credentials.signature)),
            ];
            (rpc.grpc_path(), headers)
        } else {
            let headers = credentials.to_headers();
            (rpc.http_path(), headers.iter().map(|(name, value)| header(name, value)).collect())
        };
        body.put_slice(message);
        Sent { path, headers, body: body.freeze(), grpc: self.grpc }
    }
}

/// Hands a request to a server.
pub(crate) async fn deliver(router: Router, sent: Sent) -> Answer {
    let mut request = Request::post(sent.path);
    for (name, value) in &sent.headers {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(sent.body)).expect("the request is well formed");
    let response = router.oneshot(request).await.expect("a router does not fail");
    let (parts, body) = response.into_parts();
    let Ok(body) = body.collect().await else { return Answer::Retry };
    if !sent.grpc {
        return match parts.status.as_u16() {
            200..300 => Answer::Message(body.to_bytes()),
            401 => Answer::Leave,
            403 => Answer::Over,
            _ => Answer::Retry,
        };
    }
    let trailers = body.trailers().cloned().unwrap_or(parts.headers);
    match trailers.get("grpc-status").and_then(|value| value.to_str().ok()) {
        Some("0") => Answer::Message(body.to_bytes().slice(5..)),
        Some("16") => Answer::Leave,
        Some("7") => Answer::Over,
        _ => Answer::Retry,
    }
}
