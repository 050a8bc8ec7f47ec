//! Bodies of requests: JSON and text, refused as problems.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use thunderline_core::{Error, ErrorKind, Problem, Result, brief};

use crate::problem::Failure;

/// Characters of what a reader of JSON says that are repeated.
const REPEATED: usize = 300;

/// A body in JSON, read.
pub struct Input<T>(pub T);

/// A body of text.
pub struct Text(pub String);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        if let Err(error) = said_to_be_json(request.headers()) {
            let mut refused = Failure(error).into_response();
            *refused.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(refused);
        }
        let body = whole(request, state).await.map_err(IntoResponse::into_response)?;
        read(&body).map(Self).map_err(|error| Failure(error).into_response())
    }
}

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let body = whole(request, state).await?;
        let text = String::from_utf8(body.into()).map_err(|error| {
            let place = format!("byte {}", error.utf8_error().valid_up_to());
            Error::invalid_value(place, "the body is not text", "UTF-8")
        })?;
        Ok(Self(text))
    }
}

/// The whole body, which a layer keeps short.
async fn whole<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Failure> {
    let read = Bytes::from_request(request, state).await;
    read.map_err(|refused| match refused.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Error::new(ErrorKind::TooLarge, "the body is longer than allowed").into()
        }
        _ => Error::new(ErrorKind::Invalid, "the body was cut off").caused_by(refused).into(),
    })
}

/// A browser sends what it is told by another site only where it need not say JSON, so a body must be said to be JSON.
fn said_to_be_json(headers: &HeaderMap) -> Result<()> {
    let said = headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let kind = said.as_deref().unwrap_or_default().split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    let own = kind.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"));
    if own {
        return Ok(());
    }
    let reason =
        said.map_or_else(|| "missing".to_owned(), |said| format!("'{}' is not JSON", brief(&said, REPEATED)));
    Err(Error::invalid_value("Content-Type", reason, "application/json"))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader);
    let value = read.map_err(|error| told(&error.path().to_string(), error.inner()))?;
    reader.end().map_err(|error| told(".", &error))?;
    Ok(value)
}

/// What a reader of JSON says, as the field, the reason and what is allowed.
fn told(path: &str, error: &serde_json::Error) -> Error {
    let place = format!("line {}, column {}", error.line(), error.column());
    let says = error.to_string();
    let says = says.split(" at line ").next().unwrap_or_default();
    let problem = match error.classify() {
        Category::Data => of_data(if path == "." { "" } else { path }, says),
        Category::Syntax | Category::Eof | Category::Io => Problem {
            path: place,
            reason: format!("not readable as JSON: {says}"),
            allowed: "a JSON document".into(),
        },
    };
    Error::invalid_value(problem.path, brief(&problem.reason, REPEATED), problem.allowed)
}

fn of_data(path: &str, says: &str) -> Problem {
    let (reason, expected) = says.split_once(", expected ").unwrap_or((says, ""));
    let named = reason.split('`').nth(1).unwrap_or_default();
    let inner = if path.is_empty() { named.to_owned() } else { format!("{path}.{named}") };
    let (path, reason, allowed) = if reason.starts_with("missing field") {
        (inner, "missing".to_owned(), "a value".to_owned())
    } else if reason.starts_with("duplicate field") {
        (inner, "given more than once".to_owned(), "once".to_owned())
    } else if reason.starts_with("unknown field") {
        // The path goes as far as the unknown field already.
        (path.to_owned(), "no such field".to_owned(), in_words(expected))
    } else {
        (path.to_owned(), reason.replace('`', "'"), in_words(expected))
    };
    Problem { path, reason, allowed }
}

/// What is expected, without the words of the program's own types.
fn in_words(expected: &str) -> String {
    let most = match expected {
        "u8" => u64::from(u8::MAX),
        "u16" => u64::from(u16::MAX),
        "u32" => u64::from(u32::MAX),
        "u64" | "usize" => u64::MAX,
        "i8" | "i16" | "i32" | "i64" => return "a whole number".into(),
        "f32" | "f64" => return "a number".into(),
        "a sequence" => return "a list".into(),
        "" => return "see /openapi.json".into(),
        other if other.starts_with("struct ") || other == "a map" => return "an object".into(),
        other => return other.trim_start_matches("one of ").replace('`', ""),
    };
    format!("0 to {most}")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what cannot be read matters")]
    struct Outer {
        count: u32,
        #[serde(default)]
        inner: Vec<Inner>,
        mode: Option<Mode>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what cannot be read matters")]
    struct Inner {
        name: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        Fast,
        Slow,
    }

    #[test]
    fn what_is_wrong_with_json_is_told_by_its_field() {
        for (body, path, reason, allowed) in [
            (r#"{"count": "x"}"#, "count", "invalid type: string \"x\"", "0 to 4294967295"),
            (r#"{"count": -1}"#, "count", "invalid value: integer '-1'", "0 to 4294967295"),
            (r#"{}"#, "count", "missing", "a value"),
            (r#"{"count": 1, "count": 2}"#, "count", "given more than once", "once"),
            (r#"{"count": 1, "cuont": 2}"#, "cuont", "no such field", "count, inner, mode"),
            (r#"{"count": 1, "inner": [{"name": "a"}, {}]}"#, "inner[1].name", "missing", "a value"),
            (
                r#"{"count": 1, "inner": [{"name": 7}]}"#,
                "inner[0].name",
                "invalid type: integer '7'",
                "a string",
            ),
            (r#"{"count": 1, "inner": [{"nam": 7}]}"#, "inner[0].nam", "no such field", "name"),
            (r#"{"count": 1, "inner": 7}"#, "inner", "invalid type: integer '7'", "a list"),
            (r#"{"count": 1, "mode": "odd"}"#, "mode", "unknown variant 'odd'", "fast or slow"),
            (r#""x""#, "", "invalid type: string \"x\"", "an object"),
            (
                "{\"count\":\n x",
                "line 2, column 2",
                "not readable as JSON: expected value",
                "a JSON document",
            ),
            ("", "line 1, column 0", "not readable as JSON: EOF while parsing a value", "a JSON document"),
            (
                r#"{"count": 1} x"#,
                "line 1, column 14",
                "not readable as JSON: trailing characters",
                "a JSON document",
            ),
        ] {
            let error = read::<Outer>(body.as_bytes()).unwrap_err();
            let problem = &error.problems()[0];
            let told = (problem.path.as_str(), problem.reason.as_str(), problem.allowed.as_str());
            assert_eq!(told, (path, reason, allowed), "{body}");
        }
        let read = read::<Outer>(br#" {"count": 1, "mode": "slow"} "#).unwrap();
        assert_eq!((read.count, read.inner.len()), (1, 0));
    }

    #[test]
    fn a_body_is_json_where_it_is_said_to_be() {
        let said = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            said_to_be_json(&headers)
        };
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
            assert!(said(good).is_ok(), "{good}");
        }
        for bad in ["text/plain", "application/x-json", "text/json", "json", "application/jsonx"] {
            assert_eq!(said(bad).unwrap_err().problems()[0].path, "Content-Type", "{bad}");
        }
        assert!(said_to_be_json(&HeaderMap::new()).unwrap_err().to_string().contains("missing"));
    }
}
