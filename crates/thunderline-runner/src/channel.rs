//! Signed HTTP calls to the server.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use thunderline_core::{Cx, Error};
use thunderline_flower::auth::SigningKey;
use ureq::Agent;

/// More than any object (5 MiB from Flower, whatever a server sends else).
const MAX_ANSWER: u64 = 256 << 20;
/// The server holds a pull for about 20 s.
const FIRST_BYTE: Duration = Duration::from_secs(60);

/// How a call can fail.
#[derive(Debug)]
pub(crate) enum CallError {
    /// No connection, or 502, 503, 504: try again.
    Away(String),
    /// The server refused the caller (401).
    Unauthenticated(String),
    /// The server refused this (403): the run is not running, or the node may not do it now.
    Forbidden(String),
    /// Any other refusal; trying again would give the same.
    Refused(String),
    /// The answer or something on this side is broken.
    Broken(Error),
    /// The stop signal was given.
    Stopped,
}

pub(crate) type CallResult<T> = Result<T, CallError>;

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) => write!(f, "the server is away: {why}"),
            Self::Unauthenticated(why) => write!(f, "the server does not know this runner: {why}"),
            Self::Forbidden(why) => write!(f, "not now: {why}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::Broken(error) => f.write_str(&error.chain()),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// The way to the server. Cheap to clone; connections are kept and shared.
#[derive(Clone)]
pub(crate) struct Channel {
    agent: Agent,
    base: Arc<str>,
    key: Arc<SigningKey>,
    cx: Cx,
}

impl Channel {
    pub(crate) fn new(base: &str, key: Arc<SigningKey>, cx: Cx) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_recv_response(Some(FIRST_BYTE))
            .timeout_send_body(Some(Duration::from_secs(600)))
            .timeout_recv_body(Some(Duration::from_secs(600)))
            .user_agent(concat!("thunderline-runner/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent, base: base.into(), key, cx }
    }

    pub(crate) fn cx(&self) -> &Cx {
        &self.cx
    }

    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Posts JSON and reads JSON.
    pub(crate) fn post_json<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> CallResult<T> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Error::internal("a request that is no JSON").caused_by(error))?;
        let answer = self.post(path, "application/json", &body)?;
        serde_json::from_slice(&answer).map_err(|error| {
            Error::internal(format!("the answer of {path} is not as agreed")).caused_by(error).into()
        })
    }

    /// Posts protobuf and reads protobuf.
    pub(crate) fn post_message<T: prost::Message + Default>(
        &self,
        path: &str,
        body: &impl prost::Message,
    ) -> CallResult<T> {
        let answer = self.post(path, "application/protobuf", &body.encode_to_vec())?;
        T::decode(answer).map_err(|error| {
            Error::internal(format!("the answer of {path} is no protobuf")).caused_by(error).into()
        })
    }

    /// Posts bytes and reads bytes.
    pub(crate) fn post_bytes(&self, path: &str, body: &[u8]) -> CallResult<Bytes> {
        self.post(path, "application/octet-stream", body)
    }

    fn post(&self, path: &str, media: &str, body: &[u8]) -> CallResult<Bytes> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        request = request.header("content-type", media).header("accept", media);
        for (name, value) in self.key.sign(self.cx.now())?.to_headers() {
            request = request.header(name, value);
        }
        let away = |error: ureq::Error| CallError::Away(format!("{path}: {error}"));
        let mut answer = request.send(body).map_err(away)?;
        let status = answer.status().as_u16();
        let bytes = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(away)?;
        if status == 200 {
            return Ok(bytes.into());
        }
        Err(refusal(path, status, &bytes))
    }
}

fn refusal(path: &str, status: u16, body: &[u8]) -> CallError {
    let why = format!("{path}: {status} {}", detail(body));
    match status {
        401 => CallError::Unauthenticated(why),
        403 => CallError::Forbidden(why),
        429 | 502..=504 => CallError::Away(why),
        _ => CallError::Refused(why),
    }
}

/// What the server says about an error: `detail` of Flower's JSON or of problem+json, else the beginning of the text.
fn detail(body: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said = json.as_ref().and_then(|json| json.get("detail")).and_then(|detail| detail.as_str());
    let text = said.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_what_happens_next() {
        let kind = |status| refusal("/x", status, br#"{"code": 1, "detail": "because"}"#);
        assert!(matches!(kind(401), CallError::Unauthenticated(why) if why == "/x: 401 because"));
        assert!(matches!(kind(403), CallError::Forbidden(_)));
        for status in [429, 502, 503, 504] {
            assert!(matches!(kind(status), CallError::Away(_)), "{status}");
        }
        for status in [400, 404, 409, 500, 307] {
            assert!(matches!(kind(status), CallError::Refused(_)), "{status}");
        }
    }
}
