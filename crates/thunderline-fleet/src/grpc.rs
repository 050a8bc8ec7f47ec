//! The Fleet API over gRPC: the same messages, each with a five-byte head, the outcome in the trailers. Calls are all unary,
//! which is little enough to need no generated code.

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
            let body = Body::new(answer.into_grpc_body(fleet.budget.clone()));
            ([(header::CONTENT_TYPE, "application/grpc")], body).into_response()
        }
        Err(error) => refusal::grpc(Some(rpc), &error),
    }
}

async fn answer(fleet: &Fleet, rpc: Rpc, request: Request) -> Result<Answer> {
    let signed = caller::over_grpc(request.headers(), fleet.cx.now())?;
    let node = fleet.node(signed, Transport::Grpc)?;
    let received =
        receive::over_grpc(request.into_body(), receive::limit(rpc), &fleet.spool, node.id).await?;
    calls::call(fleet, rpc, node, received).await
}
