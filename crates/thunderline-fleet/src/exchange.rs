//! The exchanges of secure aggregation, for runners: saying something, and waiting for what is told in answer. Bodies are
//! the protocol's own messages; requests are signed like all requests of nodes.

use std::ops::RangeInclusive;

use axum::{
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use federation::{
    actions::{
        node_key,
        read::{self, Expected},
    },
    masked::{self, Exchange, Told},
};
use http::header;
use thunderline_core::{Error, ErrorKind, LeaseId, Result};
use thunderlink::Transport;
use tokio::time::Instant;

use crate::{Fleet, caller, fleet::Node, pace::Paced, receive, refusal};

/// The largest message: the masked levels of a model of 64 million numbers.
const LIMIT: u64 = 256 * 1024 * 1024;
/// The largest message in one request, all of which is in memory while it comes: shares for each of 16 thousand members, or the
/// masked levels of a million numbers.
const ONE_REQUEST: usize = 4 * 1024 * 1024;

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
    let (node, body) = caller(fleet, request).await?;
    let exchange = named(exchange)?;
    let (lease, most) = match awaited(fleet, &node, message, exchange).await {
        Ok(awaited) => awaited,
        Err(error) => {
            receive::drain(&mut Paced::new(body)).await;
            return Err(error);
        }
    };
    let received = receive::over_http(body, most, &fleet.spool, node.id).await;
    let received = received.map_err(|error| named_limit(exchange, most, error))?;
    masked::receive(&node.cx, &fleet.federations, lease, exchange, received.bytes.to_vec()).await
}

/// Under which lease the client speaks, and how many bytes it can say.
async fn awaited(fleet: &Fleet, node: &Node, message: &str, exchange: Exchange) -> Result<(LeaseId, usize)> {
    let lease = lease(fleet, node, message).await?;
    let place = masked::place(&node.cx, &fleet.federations, lease, exchange).await?;
    let most = *within_limit(place.lengths)?.end();
    Ok((lease, usize::try_from(most).map_or(ONE_REQUEST, |most| most.min(ONE_REQUEST))))
}

/// Says in which exchange a body was too large, and how a large masked update is sent.
fn named_limit(exchange: Exchange, most: usize, error: Error) -> Error {
    if error.kind() != ErrorKind::TooLarge {
        return error;
    }
    let other = match exchange {
        Exchange::Mask if most == ONE_REQUEST => {
            "; a larger one goes by PATCH to /v1/runner/uploads/<message id>/mask"
        }
        _ => "",
    };
    Error::new(ErrorKind::TooLarge, format!("'{}': {}{other}", exchange.name(), error.external()))
}

/// The lengths of a message that are taken: it is in memory while it is checked.
///
/// # Errors
/// `too_large` where no message of this round could be taken.
pub(crate) fn within_limit(lengths: RangeInclusive<u64>) -> Result<RangeInclusive<u64>> {
    let (least, most) = lengths.into_inner();
    if least > LIMIT {
        let why = format!("a message of this round has {least} bytes, and at most {LIMIT} are taken");
        return Err(Error::new(ErrorKind::TooLarge, why));
    }
    Ok(least..=most.min(LIMIT))
}

async fn heard(fleet: &Fleet, message: &str, exchange: &str, request: Request) -> Result<Vec<u8>> {
    let (node, _) = caller(fleet, request).await?;
    let exchange = named(exchange)?;
    let until = Instant::now() + fleet.config.hold;
    loop {
        // Before looking, so that an answer which appears in between is noticed.
        let waiter = fleet.federations.db.signals().waiter(&node_key(node.id));
        let lease = lease(fleet, &node, message).await?;
        let told = masked::told(&node.cx, &fleet.federations, lease, exchange).await?;
        // Who was shut out meanwhile is told nothing more.
        fleet.links.admit(node.id)?;
        match told {
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
    }
}

async fn caller(fleet: &Fleet, request: Request) -> Result<(Node, Body)> {
    let (parts, body) = request.into_parts();
    let node = fleet.node(caller::over_http(&parts.headers, fleet.cx.now())?, Transport::Runner)?;
    fleet.seen(&node).await?;
    Ok((node, body))
}

/// The node's lease for this message. Where it has ended, the domain says what that means.
///
/// # Errors
/// `conflict` where there is none; those of the domain.
pub(crate) async fn lease(fleet: &Fleet, node: &Node, message: &str) -> Result<LeaseId> {
    match read::expected_reply(&node.cx, &fleet.federations, message).await? {
        Expected::Open(lease) | Expected::Repeated(lease) | Expected::Late(lease) => Ok(lease.id),
        Expected::Unknown => Err(Error::conflict("the node holds no lease for this message")),
    }
}

fn named(exchange: &str) -> Result<Exchange> {
    Exchange::spoken(exchange).ok_or_else(|| {
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

#[cfg(test)]
mod tests {
    use thunderline_core::NodeId;

    use super::*;
    use crate::spool::Spool;

    #[test]
    fn no_message_is_larger_than_what_is_held_in_memory() {
        assert_eq!(within_limit(LIMIT..=LIMIT).unwrap(), LIMIT..=LIMIT);
        assert_eq!(within_limit(5..=LIMIT + 1).unwrap(), 5..=LIMIT);
        assert_eq!(within_limit(LIMIT + 1..=LIMIT + 1).unwrap_err().code(), "too_large");
    }

    #[tokio::test]
    async fn who_says_too_much_reads_in_which_exchange_and_what_is_allowed() {
        let spool = Spool::new(std::env::temp_dir(), 1);
        let large = receive::over_http(Body::from("abcd"), 3, &spool, NodeId::from_bits(1)).await;
        let large = large.err().unwrap();
        let error = named_limit(Exchange::Mask, ONE_REQUEST, large);
        assert_eq!(error.code(), "too_large");
        for part in ["'mask'", "4 bytes", "at most 3", "/v1/runner/uploads/<message id>/mask"] {
            assert!(error.external().contains(part), "{error}");
        }
        let other = named_limit(Exchange::Mask, ONE_REQUEST, Error::conflict("busy"));
        assert_eq!((other.code(), other.external()), ("conflict", "busy"));
    }
}
