//! Around every request: a correlation id, a span, a line in the log, and errors as problems.

use axum::{
    extract::{MatchedPath, Request, State},
    http::HeaderValue,
    middleware::Next,
    response::Response,
};
use thunderline_core::{Actor, Cx};
use tracing::Instrument;

use crate::{problem, state::Web};

/// The response header that names the request in the log.
pub const CORRELATION_HEADER: &str = "x-correlation-id";

/// The edge's context of one request, for whoever turns it into a caller's.
#[derive(Clone)]
pub struct RequestCx(pub Cx);

/// Runs a request within its own context.
pub async fn in_context(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let edge = web.edge();
    let cx = edge.for_actor(Actor::System("web"), edge.tenant());
    let correlation = cx.correlation();
    // The pattern, not the path: ids do not belong into what is counted and grouped.
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let span = tracing::info_span!("http", method = %request.method(), route, %correlation);
    let started = cx.now();
    request.extensions_mut().insert(RequestCx(cx.clone()));
    async {
        let response = problem::render(next.run(request).await, correlation).await;
        let mut response = response;
        let micros = cx.now().duration_since(started).as_micros();
        tracing::debug!(status = response.status().as_u16(), micros, "answered");
        if let Ok(value) = HeaderValue::from_str(&correlation.to_string()) {
            response.headers_mut().insert(CORRELATION_HEADER, value);
        }
        response
    }
    .instrument(span)
    .await
}
