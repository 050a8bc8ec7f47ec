//! An installation under test, and how it is asked.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, Response, StatusCode, header},
};
use http_body_util::BodyExt;
use serde_json::Value;
use thunderline_core::{Result, Role};
use thunderline_objects::Objects;
use thunderline_runtime::{Live, Mesh};
use thunderline_testkit::TestDb;
use thunderline_web::{Domains, Settings, Web, problem::MEDIA_TYPE, router};
use thunderlink::Links;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The web edge with its domains over a test database.
pub struct Site {
    pub t: TestDb,
    pub closing: CancellationToken,
    pub objects: Objects,
    pub operator: String,
    pub viewer: String,
    pub links: Links,
    router: Router,
}

/// What was answered.
pub struct Answer {
    pub status: StatusCode,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

impl Site {
    pub async fn new(t: TestDb) -> Result<Self> {
        Self::with(t, Settings::default()).await
    }

    pub async fn with(t: TestDb, settings: Settings) -> Result<Self> {
        let objects = Objects::open(t.dir().join("objects"))?;
        let live = Live::new(Mesh { node: "test".into(), tick: None, domains: Vec::new() });
        let domains = Domains::over(t.db(), objects.clone());
        let operator = thundergate::token::create(&t.admin(), t.db(), "operator", Role::Operator).await?;
        let viewer = thundergate::token::create(&t.admin(), t.db(), "viewer", Role::Viewer).await?;
        let closing = CancellationToken::new();
        let links = domains.links.clone();
        let web = Web::new(domains, live, t.system(), settings, closing.clone());
        Ok(Self { router: router(web), t, closing, objects, operator, viewer, links })
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("the router answers everything")
    }

    /// Asks as the operator, unless headers say otherwise.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        let token = format!("Bearer {}", self.operator);
        for (name, usual) in [("authorization", token.as_str()), ("host", "thunderline.example")] {
            if !headers.iter().any(|(given, _)| *given == name) {
                request = request.header(name, usual);
            }
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let response = self.send(request.body(body.into()).expect("a request can be put together")).await;
        Answer::read(response).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, &[], Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.ask(Method::POST, path, &[("content-type", "application/json")], body).await
    }

    /// Submits a spec that is accepted, and moves time on, so that lists have an order.
    pub async fn submit(&self, name: &str) -> String {
        let spec = format!("name: {name}\nmodel_ref: builtin:softmax(4,2)\nnum_rounds: 3\nseed: 7\n");
        let answer = self.post("/api/v1/federations", spec).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        self.t.clock.advance(thunderline_core::SignedDuration::from_secs(1));
        answer.json()["id"].as_str().expect("a federation has an id").to_owned()
    }
}

impl Answer {
    pub async fn read(response: Response<Body>) -> Self {
        let media_type =
            response.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body can be read").to_bytes().to_vec();
        Self { status, media_type: media_type.unwrap_or_default(), bytes }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// This is a problem with that status and code.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!((self.status.as_u16(), self.media_type.as_str()), (status, MEDIA_TYPE), "{}", self.text());
        let problem = self.json();
        assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()), "{problem}");
        assert_eq!(problem["type"], format!("urn:thunderline:problem:{code}"));
        assert_eq!(problem["correlation"].as_str().map(str::len), Some(36), "{problem}");
        problem
    }
}
