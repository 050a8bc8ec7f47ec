//! Paths.

use axum::{
    Router,
    extract::Request,
    response::Response,
    routing::{get, post},
};
use http::{StatusCode, header};
use thunderline_flower::Rpc;

use crate::{Fleet, exchange, grpc, http as over_http, refusal, runner, stream};

/// Every path of the edge, for both transports: `POST /v1/fleet/*`, `/flwr.proto.Fleet/*`, `/v1/runner/*`,
/// `GET /health`.
pub fn router(fleet: Fleet) -> Router {
    let mut router = Router::new()
        .route("/health", get(|| async { StatusCode::OK }))
        .route("/v1/runner/enrol", post(runner::enrol))
        .route("/v1/runner/leases/claim", post(runner::claim))
        .route("/v1/runner/uploads/{message_id}", get(stream::progress).patch(stream::append))
        .route("/v1/runner/uploads/{message_id}/mask", get(stream::mask_progress).patch(stream::mask_append))
        .route("/v1/runner/exchanges/{message}/{exchange}", post(exchange::say))
        .route("/v1/runner/exchanges/{message}/{exchange}/answer", post(exchange::hear));
    for rpc in Rpc::ALL {
        let over_http = move |fleet, request| over_http::serve(fleet, rpc, request);
        let over_grpc = move |fleet, request| grpc::serve(fleet, rpc, request);
        router = router.route(rpc.http_path(), post(over_http)).route(rpc.grpc_path(), post(over_grpc));
    }
    router.fallback(unknown).with_state(fleet)
}

/// A newer client may know calls that we do not: it must not go deaf over one.
async fn unknown(request: Request) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes());
    if content_type.is_some_and(|value| value.starts_with(b"application/grpc")) {
        return refusal::grpc_status(12, "there is no such call");
    }
    let path = request.uri().path();
    let status = if path.starts_with("/v1/fleet/") { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND };
    refusal::json_response(status, &format!("there is no {path}"))
}
