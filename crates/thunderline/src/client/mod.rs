//! Talking to a server's REST interface. Blocking: a command does one thing at a time.

mod address;
mod events;
mod path;
pub mod watch;

use std::{fs::File, io::Read, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use thunderline_core::Error;
use thunderline_web::{
    dto::{federation::Federation, health::Health, problem::ProblemDetails},
    problem::MEDIA_TYPE,
};
use ureq::{Agent, Body, RequestBuilder, http::Response, typestate::WithBody};

use crate::failure::{Exit, Failure, Result};

pub use address::{DEFAULT_DATA_DIR, Remote, SERVER_FILE, ServerFile};
pub use path::path;

const CONNECT: Duration = Duration::from_secs(5);
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const BYTES: &[(&str, &str)] = &[("content-type", "application/octet-stream")];

/// A server that commands talk to.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    token: Option<String>,
    /// What to do where a request without a token is refused.
    hint: String,
}

impl Client {
    /// A client of the server at this address.
    ///
    /// # Errors
    /// Refuses addresses other than `http://`.
    pub fn new(base: &str, token: Option<String>) -> Result<Self> {
        if !base.starts_with("http://") {
            let reason = format!("'{base}' is no address that can be called");
            return Err(Error::invalid_value("--server", reason, "http://HOST:PORT").into());
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("thunderline/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            base: base.trim_end_matches('/').to_owned(),
            token,
            hint: String::new(),
        })
    }

    /// What is told where the server refuses a request for want of a token.
    #[must_use]
    pub fn refused_without_token(self, hint: String) -> Self {
        Self { hint, ..self }
    }

    /// The server's address.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Reads something.
    ///
    /// # Errors
    /// What the server refuses, or that it cannot be reached.
    pub fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        json(self.open(path, query, &[])?)
    }

    /// How the server is; one that is not ready says so as well.
    ///
    /// # Errors
    /// That it cannot be reached, or answers otherwise.
    pub fn health(&self) -> Result<Health> {
        let answer = self.prepared(self.agent.get(self.url("/health")), &[], &[]).call();
        match answer {
            Ok(response)
                if response.status().as_u16() == 503
                    && response.body().mime_type() == Some("application/json") =>
            {
                json(response)
            }
            other => json(self.checked(other)?),
        }
    }

    /// Opens something to be read piece by piece.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn open(
        &self,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Result<Response<Body>> {
        let request = self.prepared(self.agent.get(self.url(path)), query, headers);
        self.checked(request.call())
    }

    /// Does something.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        json(self.sent(self.agent.post(self.url(path)), &[], JSON, text(body))?)
    }

    /// Puts something in its place.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &impl Serialize,
    ) -> Result<T> {
        json(self.sent(self.agent.put(self.url(path)), query, JSON, text(body))?)
    }

    /// Removes something, and gives what it was.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        json(self.removed(path, &[])?)
    }

    /// Removes something, which is answered with nothing.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn remove(&self, path: &str, query: &[(&str, &str)]) -> Result<()> {
        self.removed(path, query).map(drop)
    }

    fn removed(&self, path: &str, query: &[(&str, &str)]) -> Result<Response<Body>> {
        let request = self.prepared(self.agent.delete(self.url(path)), query, &[]);
        self.checked(request.call())
    }

    /// Sends something that is answered with nothing.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn tell(&self, path: &str, body: &impl Serialize) -> Result<()> {
        self.sent(self.agent.post(self.url(path)), &[], JSON, text(body)).map(drop)
    }

    /// Sends a text as it is.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post_text<T: DeserializeOwned>(
        &self,
        path: &str,
        text: &str,
        headers: &[(&str, &str)],
    ) -> Result<T> {
        json(self.sent(self.agent.post(self.url(path)), &[], headers, text)?)
    }

    /// Sends a file, in pieces.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post_file<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        file: File,
    ) -> Result<T> {
        json(self.sent(self.agent.post(self.url(path)), query, BYTES, file)?)
    }

    /// Sends bytes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post_bytes<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        bytes: &[u8],
    ) -> Result<T> {
        json(self.sent(self.agent.post(self.url(path)), query, BYTES, bytes)?)
    }

    /// Submits a federation's spec. With a key, a repetition gives the federation that the first call made.
    ///
    /// # Errors
    /// All that is wrong with it, or that the server cannot be reached.
    pub fn submit(&self, document: &str, idempotency_key: Option<&str>) -> Result<Federation> {
        let mut headers = vec![("content-type", "application/yaml")];
        headers.extend(idempotency_key.map(|key| ("idempotency-key", key)));
        self.post_text("/api/v1/federations", document, &headers)
    }

    fn sent(
        &self,
        request: RequestBuilder<WithBody>,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: impl ureq::AsSendBody,
    ) -> Result<Response<Body>> {
        self.checked(self.prepared(request, query, headers).send(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The request with its query and headers, and with who asks.
    fn prepared<B>(
        &self,
        request: RequestBuilder<B>,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> RequestBuilder<B> {
        let request = request.query_pairs(query.iter().copied());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn checked(&self, answer: Result<Response<Body>, ureq::Error>) -> Result<Response<Body>> {
        let response = answer.map_err(|error| unreachable(&self.base, &error))?;
        let status = response.status().as_u16();
        if response.status().is_success() {
            return Ok(response);
        }
        let mut failure = refused(response, &self.base);
        if self.token.is_none() && !self.hint.is_empty() && matches!(status, 401 | 403) {
            failure.message = format!("{} (the server says: {})", self.hint, failure.message);
        }
        Err(failure)
    }
}

fn refused(response: Response<Body>, base: &str) -> Failure {
    let status = response.status();
    let is_problem = response.body().mime_type() == Some(MEDIA_TYPE);
    let mut text = String::new();
    let _partial = response.into_body().into_reader().take(1 << 20).read_to_string(&mut text);
    match serde_json::from_str::<ProblemDetails>(&text) {
        Ok(details) if is_problem => details.into(),
        _ => Failure::failed(format!("{base} answered {status}, which is not how Thunderline answers")),
    }
}

fn unreachable(base: &str, error: &ureq::Error) -> Failure {
    let hint = "is it running? start one with 'thunderline serve', or name another with --server";
    Failure::new(Exit::Unreachable, format!("the server at {base} cannot be reached ({error}); {hint}"))
}

fn text(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("requests are plain data")
}

fn json<T: DeserializeOwned>(response: Response<Body>) -> Result<T> {
    let reader = response.into_body().into_reader();
    serde_json::from_reader(std::io::BufReader::new(reader))
        .map_err(|error| Failure::failed(format!("the server's answer is not understood: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_token_is_told_where_to_get_one() {
        let refusal = || {
            let body = Body::builder().mime_type(MEDIA_TYPE).data(
                r#"{"type":"","title":"","status":403,"detail":"user:loopback may not","code":"forbidden","correlation":""}"#,
            );
            Ok(ureq::http::Response::builder().status(403).body(body).unwrap())
        };
        let told = |token| {
            let client = Client::new("http://127.0.0.1:9", token).unwrap();
            client.refused_without_token("no token in x".into()).checked(refusal()).unwrap_err()
        };
        assert!(told(None).message.starts_with("no token in x"), "{}", told(None));
        assert_eq!(told(Some("t".into())).message, "user:loopback may not");
        assert_eq!(told(None).exit, Exit::Refused);
    }
}
