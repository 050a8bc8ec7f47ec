//! Signed HTTP calls to the server.

use std::{fmt, io::Read, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use thunderline_core::{Cx, Error};
use thunderline_flower::auth::SigningKey;
use ureq::{Agent, RequestBuilder, SendBody, http::Response};

/// How long one request of an upload may take to be sent. What was received till then stays, so a slow link loses nothing by
/// it, and a dead one is noticed.
const PIECE: Duration = Duration::from_secs(120);
/// How long nothing at all may be sent while there is something to be sent. A peer that vanished without a word, say behind a
/// router that forgot the connection, takes nothing more and never says so.
const STALLED: Duration = Duration::from_secs(30);
/// More than any object (5 MiB from Flower, whatever a server sends else).
const MAX_ANSWER: u64 = 256 << 20;
/// How long nothing at all may come while something is awaited. The server holds a pull for about 20 s.
const SILENT: Duration = Duration::from_secs(60);

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
        Self::with_limits(base, key, cx, STALLED, SILENT)
    }

    fn with_limits(base: &str, key: Arc<SigningKey>, cx: Cx, stalled: Duration, silent: Duration) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_per_write(Some(stalled))
            .timeout_per_read(Some(silent))
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
        json(path, &self.post(path, "application/json", &body)?)
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

    /// Reads JSON.
    pub(crate) fn get_json<T: DeserializeOwned>(&self, path: &str) -> CallResult<T> {
        let request = self.signed(self.agent.get(format!("{}{path}", self.base)))?;
        json(path, &answered(path, request.call())?)
    }

    /// Sends a body of a known length that is read as it is sent, and reads JSON.
    pub(crate) fn patch_stream<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &mut dyn Read,
        length: u64,
    ) -> CallResult<T> {
        let request = self.agent.patch(format!("{}{path}", self.base));
        let request = self.signed(request)?.header("content-type", "application/octet-stream");
        let request = request.header("content-length", length.to_string());
        let request = request.config().timeout_send_body(Some(PIECE)).build();
        json(path, &answered(path, request.send(SendBody::from_reader(body)))?)
    }

    /// Posts bytes and reads bytes.
    pub(crate) fn post_bytes(&self, path: &str, body: &[u8]) -> CallResult<Bytes> {
        self.post(path, "application/octet-stream", body)
    }

    fn post(&self, path: &str, media: &str, body: &[u8]) -> CallResult<Bytes> {
        let request = self.signed(self.agent.post(format!("{}{path}", self.base)))?;
        answered(path, request.header("content-type", media).header("accept", media).send(body))
    }

    fn signed<B>(&self, mut request: RequestBuilder<B>) -> CallResult<RequestBuilder<B>> {
        for (name, value) in self.key.sign(self.cx.now())?.to_headers() {
            request = request.header(name, value);
        }
        Ok(request)
    }
}

/// The bytes of an answer that is a success.
fn answered(path: &str, answer: Result<Response<ureq::Body>, ureq::Error>) -> CallResult<Bytes> {
    let away = |error: ureq::Error| CallError::Away(format!("{path}: {error}"));
    let mut answer = answer.map_err(away)?;
    let status = answer.status().as_u16();
    let bytes = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(away)?;
    if status == 200 {
        return Ok(bytes.into());
    }
    Err(refusal(path, status, &bytes))
}

fn json<T: DeserializeOwned>(path: &str, answer: &[u8]) -> CallResult<T> {
    serde_json::from_slice(answer).map_err(|error| {
        Error::internal(format!("the answer of {path} is not as agreed")).caused_by(error).into()
    })
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
    use std::{io, net::TcpListener};

    use thunderline_core::{Actor, SeededRandom, SystemClock, TenantId};

    use super::*;

    #[test]
    fn a_peer_that_takes_nothing_or_says_nothing_is_away_after_a_while() {
        // Connections are made by the system, and never accepted.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let key = Arc::new(SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap());
        let tenant = "00000000-0000-0000-0000-000000000001".parse::<TenantId>().unwrap();
        let cx = Cx::new(Actor::System("runner"), tenant, Arc::new(SystemClock), SeededRandom::new(1));
        let short = Duration::from_millis(200);
        let channel = |stalled, silent| Channel::with_limits(&base, key.clone(), cx.clone(), stalled, silent);
        let away = |answer: CallResult<serde_json::Value>| match answer {
            Err(CallError::Away(why)) => why,
            other => panic!("{other:?}"),
        };

        // More than the sockets on both sides hold.
        let mut endless = io::repeat(7);
        let sent = channel(short, PIECE).patch_stream("/upload", &mut endless, 1 << 30);
        assert!(away(sent).contains("per write"));
        let asked = channel(PIECE, short).get_json("/progress");
        assert!(away(asked).contains("per read"));
    }

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
