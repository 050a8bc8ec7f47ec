//! What a failure looks like to a client: the one place where errors become status codes.
//!
//! Flower's clients react to status codes in ways that cannot be guessed (docs/fleet-api.md): most codes leave one alive but
//! deaf. So a client is only ever told one of three things: try again, that is over, or you are not welcome.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use thunderline_core::{Error, ErrorKind};
use thunderline_flower::Rpc;

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Try again: the client does, with growing pauses, for ever.
    Retry,
    /// This will not happen: the client drops the message or the reply and goes on.
    Over,
    /// Go away: the client stops.
    Leave,
}

impl Verdict {
    /// The verdict on a failed call. `rpc` is absent for paths that are none of Flower's.
    pub(crate) fn on(rpc: Option<Rpc>, error: &Error) -> Self {
        match (error.kind(), rpc) {
            (ErrorKind::Unauthenticated, _) => Self::Leave,
            (ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Internal, _) => Self::Retry,
            // Anything that is not retried ends a client's heartbeats for good, while it goes on working.
            (_, Some(Rpc::SendNodeHeartbeat)) => Self::Retry,
            (
                ErrorKind::Invalid
                | ErrorKind::Forbidden
                | ErrorKind::NotFound
                | ErrorKind::Conflict
                | ErrorKind::TooLarge,
                _,
            ) => Self::Over,
        }
    }

    /// Over HTTP.
    pub(crate) const fn http(self) -> StatusCode {
        match self {
            Self::Retry => StatusCode::SERVICE_UNAVAILABLE,
            Self::Over => StatusCode::FORBIDDEN,
            Self::Leave => StatusCode::UNAUTHORIZED,
        }
    }

    /// Over gRPC: UNAVAILABLE, PERMISSION_DENIED, UNAUTHENTICATED.
    pub(crate) const fn grpc(self) -> u8 {
        match self {
            Self::Retry => 14,
            Self::Over => 7,
            Self::Leave => 16,
        }
    }
}

/// A failed call over HTTP. The body has the form that Flower's clients print.
pub(crate) fn http(rpc: Option<Rpc>, error: &Error) -> Response {
    log(rpc, error);
    let status = Verdict::on(rpc, error).http();
    json_response(status, error.external())
}

/// `{"code": …, "detail": …}`.
pub(crate) fn json_response(status: StatusCode, detail: &str) -> Response {
    (status, axum::Json(json!({ "code": status.as_u16(), "detail": detail }))).into_response()
}

/// A failed call over gRPC: a response of headers only.
pub(crate) fn grpc(rpc: Option<Rpc>, error: &Error) -> Response {
    log(rpc, error);
    grpc_status(Verdict::on(rpc, error).grpc(), error.external())
}

/// A gRPC response of headers only.
pub(crate) fn grpc_status(code: u8, message: &str) -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(u16::from(code)));
    headers.insert("grpc-message", percent_encoded(message));
    response
}

/// The encoding of `grpc-message`: printable ASCII except for the percent sign stays.
fn percent_encoded(text: &str) -> HeaderValue {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (b' '..=b'~').contains(&byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    HeaderValue::try_from(encoded).expect("printable ASCII is a header value")
}

fn log(rpc: Option<Rpc>, error: &Error) {
    if Verdict::on(rpc, error) == Verdict::Retry {
        tracing::warn!(call = ?rpc, error = error.chain(), "a client's call failed and will be repeated");
    } else {
        tracing::info!(call = ?rpc, error = error.chain(), "a client's call was refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [ErrorKind; 9] = [
        ErrorKind::Invalid,
        ErrorKind::Unauthenticated,
        ErrorKind::Forbidden,
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::TooLarge,
        ErrorKind::Unavailable,
        ErrorKind::Timeout,
        ErrorKind::Internal,
    ];

    #[test]
    fn no_failure_leaves_a_client_deaf() {
        for rpc in Rpc::ALL {
            for kind in KINDS {
                let error = Error::new(kind, "x");
                let status = http(Some(rpc), &error).status().as_u16();
                assert!([401, 403, 503].contains(&status), "{rpc:?} on {kind:?} gives {status}");
                let grpc = grpc(Some(rpc), &error);
                assert!(["7", "14", "16"].contains(&grpc.headers()["grpc-status"].to_str().unwrap()));
            }
        }
    }

    #[test]
    fn only_a_wrong_identity_makes_a_client_leave() {
        for kind in KINDS {
            let leave = Verdict::on(Some(Rpc::PullMessages), &Error::new(kind, "x")) == Verdict::Leave;
            assert_eq!(leave, kind == ErrorKind::Unauthenticated);
        }
    }

    #[test]
    fn a_heartbeat_is_never_ended_by_a_refusal() {
        let verdict = Verdict::on(Some(Rpc::SendNodeHeartbeat), &Error::conflict("busy"));
        assert_eq!(verdict, Verdict::Retry);
    }

    #[test]
    fn texts_survive_as_grpc_messages() {
        let response = grpc_status(7, "100 % größer\n");
        assert_eq!(response.headers()["grpc-message"], "100 %25 gr%C3%B6%C3%9Fer%0A");
    }
}
