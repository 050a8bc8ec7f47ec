//! Errors on their way out: `application/problem+json` (RFC 9457), rendered in one place.
//!
//! A handler returns [`Failure`]; the response carries the error along unrendered, and [`render`], which knows the
//! request's correlation id, writes the body. Refusals that never reached a handler (no such path, a body that is too
//! long) become problems there as well. What an endpoint says in JSON of its own (health at 503) is left as it is.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use http_body_util::{BodyExt, Limited};
use thunderline_core::{Error, ErrorKind};
use uuid::Uuid;

use crate::dto::problem::{Problem, ProblemDetails};

/// The media type of an error.
pub const MEDIA_TYPE: &str = "application/problem+json";
/// How much of a plain refusal is quoted.
const QUOTED: usize = 2_000;

/// An error that a handler ends with.
#[derive(Debug)]
pub struct Failure(pub Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status(self.0.kind()).into_response();
        response.extensions_mut().insert(Arc::new(self.0));
        response
    }
}

/// The status of a kind of error.
#[must_use]
pub const fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes the body of a response that is an error, and logs it with its causes.
pub async fn render(response: Response, correlation: Uuid) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    if let Some(error) = response.extensions().get::<Arc<Error>>().cloned() {
        log(&error);
        return with_body(status, details(&error, status, correlation), &response);
    }
    if is_json(&response) {
        return with_headers(response);
    }
    let (parts, body) = response.into_parts();
    let detail = plain_text(body).await.unwrap_or_else(|| reason(status).to_owned());
    let response = Response::from_parts(parts, Body::empty());
    let details = ProblemDetails {
        r#type: urn(code_of(status)),
        title: reason(status).to_owned(),
        status: status.as_u16(),
        code: code_of(status).to_owned(),
        detail,
        problems: Vec::new(),
        correlation: correlation.to_string(),
    };
    with_body(status, details, &response)
}

fn log(error: &Error) {
    match error.kind() {
        ErrorKind::Internal => tracing::error!(error = error.chain(), "request failed"),
        ErrorKind::Unavailable | ErrorKind::Timeout => {
            tracing::warn!(error = error.chain(), "request failed");
        }
        _ => tracing::debug!(error = error.chain(), "request refused"),
    }
}

fn details(error: &Error, status: StatusCode, correlation: Uuid) -> ProblemDetails {
    ProblemDetails {
        r#type: urn(error.code()),
        title: title(error.kind()).to_owned(),
        status: status.as_u16(),
        code: error.code().to_owned(),
        detail: error.external().to_owned(),
        problems: error.problems().iter().map(Problem::from).collect(),
        correlation: correlation.to_string(),
    }
}

fn with_body(status: StatusCode, details: ProblemDetails, original: &Response) -> Response {
    let mut response = (status, Json(details)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if let Some(allow) = original.headers().get(header::ALLOW) {
        headers.insert(header::ALLOW, allow.clone());
    }
    with_headers(response)
}

/// What a status asks for beside the body.
fn with_headers(mut response: Response) -> Response {
    let status = response.status();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

async fn plain_text(body: Body) -> Option<String> {
    let bytes = Limited::new(body, QUOTED).collect().await.ok()?.to_bytes();
    let text = std::str::from_utf8(&bytes).ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The name of a kind of error.
#[must_use]
pub fn urn(code: &str) -> String {
    format!("urn:thunderline:problem:{code}")
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Refused")
}

/// A kind of error in words.
#[must_use]
pub const fn title(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Invalid => "The input cannot be accepted",
        ErrorKind::Unauthenticated => "Who you are is not known",
        ErrorKind::Forbidden => "The policy does not allow this",
        ErrorKind::NotFound => "There is no such thing",
        ErrorKind::Conflict => "The current state does not allow this",
        ErrorKind::TooLarge => "There are more bytes than allowed",
        ErrorKind::Unavailable => "Not available right now",
        ErrorKind::Timeout => "It took too long",
        ErrorKind::Internal => "Something went wrong on the server",
    }
}

fn code_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "unauthenticated",
        403 => "forbidden",
        404 => "not_found",
        409 => "conflict",
        413 => "too_large",
        503 => "unavailable",
        504 | 408 => "timeout",
        500..=599 => "internal",
        _ => "invalid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_status_that_leads_back_to_it() {
        for kind in [
            ErrorKind::Unauthenticated,
            ErrorKind::Forbidden,
            ErrorKind::NotFound,
            ErrorKind::Conflict,
            ErrorKind::TooLarge,
            ErrorKind::Unavailable,
            ErrorKind::Timeout,
            ErrorKind::Internal,
            ErrorKind::Invalid,
        ] {
            assert_eq!(code_of(status(kind)), Error::new(kind, "").code());
        }
    }

    #[tokio::test]
    async fn internals_stay_in_the_log_and_a_plain_refusal_is_quoted() {
        let secret = Failure(Error::internal("row 7 is torn")).into_response();
        let body = render(secret, Uuid::nil()).await.into_body().collect().await.unwrap().to_bytes();
        assert!(!String::from_utf8_lossy(&body).contains("row 7"));
        let plain = (StatusCode::BAD_REQUEST, "limit is not a number").into_response();
        let response = render(plain, Uuid::nil()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let details: ProblemDetails = serde_json::from_slice(&body).unwrap();
        assert_eq!((details.detail.as_str(), details.code.as_str()), ("limit is not a number", "invalid"));
    }

    #[tokio::test]
    async fn an_answer_in_json_is_left_as_it_is_however_long() {
        let long = "x".repeat(2 * QUOTED);
        let own = (StatusCode::SERVICE_UNAVAILABLE, Json(long.as_str())).into_response();
        let response = render(own, Uuid::nil()).await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(serde_json::from_slice::<String>(&body).unwrap(), long);
    }
}
