//! The exchanges of secure aggregation, for runners: saying something, and waiting for what is told in answer. Bodies are
//! the protocol's own messages; requests are signed like all requests of nodes.

use axum::{
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use federation::{
    Lease,
    actions::{
        node_key,
        read::{self, Expected},
    },
    masked::{self, Exchange, Told},
};
use http::header;
use thunderline_core::{Error, ErrorKind, Result};
use thunderlink::Transport;
use tokio::time::Instant;

use crate::{Fleet, caller, fleet::Node, receive, refusal};

/// The largest message that goes on where it broke off: the masked levels of a model of 64 million numbers.
pub(crate) const LIMIT: usize = 256 * 1024 * 1024;

/// The largest message in one request. Shares are sealed for each neighbour: 16 thousand members need no more. The masked
/// levels of a model with more than a million numbers are sent as an upload.
const fn limit(exchange: Exchange) -> usize {
    match exchange {
        Exchange::Share | Exchange::Mask | Exchange::Reveal => 4 * 1024 * 1024,
        Exchange::Advertise | Exchange::Consent | Exchange::Done => 64 * 1024,
    }
}

/// `POST /v1/runner/exchanges/{message}/{exchange}`: the client says something.
pub(crate) async fn say(
    State(fleet): State<Fleet>,
    Path((message, exchange)): Path<(String, String)>,
    request: Request,
) -> Response {
    answer(said(&fleet, &message, &exchange, request).await.map(|()| Vec::new()))
}

/// `POST /v1/runner/exchanges/{message}/{exchange}/answer`: the client asks what it is told. Held until it is known, for as
/// long as a pull is; then empty, and the client asks again.
pub(crate) async fn hear(
    State(fleet): State<Fleet>,
    Path((message, exchange)): Path<(String, String)>,
    request: Request,
) -> Response {
    answer(heard(&fleet, &message, &exchange, request).await)
}

async fn said(fleet: &Fleet, message: &str, exchange: &str, request: Request) -> Result<()> {
    let (node, mut body) = caller(fleet, request).await?;
    let exchange = named(exchange)?;
    // What is cheap to see comes first: nothing is held for a node that has nothing to say.
    let lease = match may_say(fleet, &node, message).await {
        Ok(lease) => lease,
        Err(error) => {
            receive::stated(&mut body, limit(exchange))
                .await
                .map_err(|error| named_limit(exchange, error))?;
            receive::drain(&mut body).await;
            return Err(error);
        }
    };
    let received = receive::over_http(body, limit(exchange), &fleet.room).await;
    let received = received.map_err(|error| named_limit(exchange, error))?;
    masked::receive(&node.cx, &fleet.federations, lease.id, exchange, received.bytes.to_vec()).await
}

async fn may_say(fleet: &Fleet, node: &Node, message: &str) -> Result<Lease> {
    match expected(fleet, node, message).await? {
        Expected::Open(lease) | Expected::Repeated(lease) => Ok(lease),
        Expected::Late(_) | Expected::Unknown => {
            Err(Error::conflict("the node holds no lease for this message"))
        }
    }
}

/// Says of which exchange a body was too large, and how a masked update is sent that is.
fn named_limit(exchange: Exchange, error: Error) -> Error {
    if error.kind() != ErrorKind::TooLarge {
        return error;
    }
    let other = match exchange {
        Exchange::Mask => "; a larger one goes by PATCH to /v1/runner/uploads/<message id>/mask",
        _ => "",
    };
    Error::new(ErrorKind::TooLarge, format!("'{}': {}{other}", exchange.name(), error.external()))
}

async fn heard(fleet: &Fleet, message: &str, exchange: &str, request: Request) -> Result<Vec<u8>> {
    let (node, _) = caller(fleet, request).await?;
    let exchange = named(exchange)?;
    let until = Instant::now() + fleet.config.hold;
    loop {
        // Before looking, so that an answer which appears in between is noticed.
        let waiter = fleet.federations.db.signals().waiter(&node_key(node.id));
        let lease = held(fleet, &node, message).await?;
        match masked::told(&node.cx, &fleet.federations, lease.id, exchange).await? {
            Told::Answer(bytes) => return Ok(bytes),
            Told::Wait if Instant::now() >= until => return Ok(Vec::new()),
            Told::Wait => {}
        }
        let recheck = until.min(Instant::now() + fleet.config.recheck);
        tokio::select! {
            () = fleet.stop.cancelled() => return Ok(Vec::new()),
            () = waiter.wait() => {}
            () = tokio::time::sleep_until(recheck) => {}
        }
        fleet.links.admit(node.id)?;
    }
}

async fn caller(fleet: &Fleet, request: Request) -> Result<(Node, Body)> {
    let (parts, body) = request.into_parts();
    let node = fleet.node(caller::over_http(&parts.headers, fleet.cx.now())?, Transport::Runner)?;
    fleet.seen(&node).await?;
    Ok((node, body))
}

async fn expected(fleet: &Fleet, node: &Node, message: &str) -> Result<Expected> {
    read::expected_reply(&node.cx, &fleet.federations, message).await
}

async fn held(fleet: &Fleet, node: &Node, message: &str) -> Result<Lease> {
    match expected(fleet, node, message).await? {
        Expected::Open(lease) => Ok(lease),
        Expected::Late(lease) | Expected::Repeated(lease) => {
            let why = lease.state.reason().unwrap_or("all was said").to_owned();
            Err(Error::conflict(format!("the lease has ended: {why}")))
        }
        Expected::Unknown => Err(Error::conflict("the node holds no lease for this message")),
    }
}

fn named(exchange: &str) -> Result<Exchange> {
    let found = Exchange::named(exchange).filter(|exchange| *exchange != Exchange::Done);
    found.ok_or_else(|| {
        Error::invalid_value(
            "exchange",
            format!("there is no exchange '{exchange}'"),
            "advertise, share, mask, consent or reveal",
        )
    })
}

fn answer(result: Result<Vec<u8>>) -> Response {
    match result {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        Err(error) => refusal::http(None, &error),
    }
}
