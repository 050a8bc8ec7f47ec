//! The Fleet API over HTTP/1.1: a request's body is one serialized message, and so is the answer's.

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::header;
use thunderline_core::Result;
use thunderline_flower::Rpc;
use thunderlink::Transport;

use crate::{Fleet, answer::Answer, caller, calls, receive, refusal};

pub(crate) async fn serve(State(fleet): State<Fleet>, rpc: Rpc, request: Request) -> Response {
    match answer(&fleet, rpc, request).await {
        Ok(answer) => {
            let body = Body::new(answer.into_body(fleet.budget.clone()));
            ([(header::CONTENT_TYPE, "application/protobuf")], body).into_response()
        }
        Err(error) => refusal::http(Some(rpc), &error),
    }
}

async fn answer(fleet: &Fleet, rpc: Rpc, request: Request) -> Result<Answer> {
    let signed = caller::over_http(request.headers(), fleet.cx.now())?;
    let node = fleet.node(signed, Transport::Http)?;
    let received =
        Box::pin(receive::over_http(request.into_body(), receive::limit(rpc), &fleet.spool, node.id)).await?;
    calls::call(fleet, rpc, node, received).await
}
