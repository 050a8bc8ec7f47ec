//! Reading request bodies: bounded in size, in memory over all connections, and in patience.

use std::{pin::Pin, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use thunderline_core::{Error, ErrorKind, Result};
use thunderline_flower::Rpc;

use crate::budget::{Budget, Share};

/// A client that sends nothing for this long has gone.
const PATIENCE: Duration = Duration::from_secs(20);
const GRPC_HEAD: usize = 5;
/// How much of a request that is too large is read before it is refused. A client that is cut off while it sends sees a
/// broken connection, over which it tries again for ever, instead of the refusal.
const READ_ANYWAY: usize = 64 * 1024 * 1024;

/// A request's body, with its share of the memory.
pub(crate) struct Received {
    /// The serialized message.
    pub(crate) bytes: Bytes,
    /// Given back when the request is dealt with.
    pub(crate) share: Share,
}

/// The largest request of each kind, in bytes. Clients cut objects at 5 MiB; an announcement names each object of a reply.
pub(crate) const fn limit(rpc: Rpc) -> usize {
    match rpc {
        Rpc::PushObject => 16 * 1024 * 1024,
        Rpc::PushMessages => 8 * 1024 * 1024,
        _ => 64 * 1024,
    }
}

/// Reads the body of a request over HTTP.
///
/// # Errors
/// `too_large`; `timeout` where the client stops sending; `invalid` where it hangs up.
pub(crate) async fn over_http(mut body: Body, limit: usize, budget: &Budget) -> Result<Received> {
    let stated = usize::try_from(body.size_hint().upper().unwrap_or(limit as u64)).unwrap_or(usize::MAX);
    if stated > limit {
        return Err(refused(body, stated, limit).await);
    }
    let share = budget.take(stated).await;
    let mut bytes = BytesMut::with_capacity(stated.min(body.size_hint().exact().map_or(0, |_| stated)));
    while let Some(data) = next(&mut body).await? {
        let length = bytes.len() + data.len();
        if length > limit {
            drop((bytes, share));
            return Err(refused(body, length, limit).await);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(Received { bytes: bytes.freeze(), share })
}

/// Reads the body of a request over gRPC: exactly one uncompressed frame.
///
/// # Errors
/// As [`over_http`], and `invalid` where it is not such a frame.
pub(crate) async fn over_grpc(mut body: Body, limit: usize, budget: &Budget) -> Result<Received> {
    let mut bytes = BytesMut::new();
    while bytes.len() < GRPC_HEAD {
        let data = next(&mut body).await?.ok_or_else(|| malformed("the request is cut off"))?;
        bytes.extend_from_slice(&data);
    }
    if bytes[0] != 0 {
        return Err(malformed("the request is compressed"));
    }
    let length = u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize;
    if length > limit {
        return Err(too_large(length, limit));
    }
    let share = budget.take(length).await;
    bytes.reserve((GRPC_HEAD + length).saturating_sub(bytes.len()));
    while let Some(data) = next(&mut body).await? {
        bytes.extend_from_slice(&data);
        if bytes.len() > GRPC_HEAD + length {
            return Err(malformed("there is more than one message"));
        }
    }
    if bytes.len() != GRPC_HEAD + length {
        return Err(malformed("the request is cut off"));
    }
    Ok(Received { bytes: bytes.freeze().slice(GRPC_HEAD..), share })
}

/// The next bytes of a body, however many; none at its end.
///
/// # Errors
/// `timeout` where the client stops sending; `invalid` where it hangs up.
pub(crate) async fn next(body: &mut Body) -> Result<Option<Bytes>> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, Pin::new(&mut *body).frame()).await;
        match frame.map_err(|_| Error::new(ErrorKind::Timeout, "the client stopped sending"))? {
            None => return Ok(None),
            Some(Err(error)) => return Err(malformed("the client hung up").caused_by(error)),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn refused(mut body: Body, length: usize, limit: usize) -> Error {
    drain(&mut body).await;
    too_large(length, limit)
}

/// Lets the client finish, holding nothing, so that it reads why it is refused.
pub(crate) async fn drain(body: &mut Body) {
    let mut read = 0;
    while read < READ_ANYWAY {
        match next(body).await {
            Ok(Some(data)) => read += data.len(),
            Ok(None) | Err(_) => break,
        }
    }
}

fn too_large(length: usize, limit: usize) -> Error {
    Error::new(ErrorKind::TooLarge, format!("the request has {length} bytes; at most {limit} are taken"))
}

fn malformed(reason: &str) -> Error {
    Error::new(ErrorKind::Invalid, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(pieces: &[&'static [u8]]) -> Body {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece))).collect();
        Body::from_stream(futures::stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_is_read_whatever_its_pieces() {
        let budget = Budget::new(1 << 20);
        let read = over_http(pieces(&[b"ab", b"", b"c"]), 3, &budget).await.unwrap();
        assert_eq!(read.bytes, "abc");
        let read = over_grpc(pieces(&[b"\0\0", b"\0\0\x03a", b"bc"]), 3, &budget).await.unwrap();
        assert_eq!(read.bytes, "abc");
    }

    #[tokio::test]
    async fn bodies_that_are_too_large_or_malformed_are_refused() {
        let budget = Budget::new(1 << 20);
        let code = |result: Result<Received>| result.err().map(|error| error.code());
        assert_eq!(code(over_http(Body::from("abcd"), 3, &budget).await), Some("too_large"));
        assert_eq!(code(over_http(pieces(&[b"ab", b"cd"]), 3, &budget).await), Some("too_large"));
        assert_eq!(code(over_grpc(pieces(&[b"\0\0\0\0\x04abcd"]), 3, &budget).await), Some("too_large"));
        for wrong in [&b"\0\0\0"[..], b"\x01\0\0\0\x01a", b"\0\0\0\0\x02a", b"\0\0\0\0\x01ab"] {
            assert_eq!(code(over_grpc(pieces(&[wrong]), 3, &budget).await), Some("invalid"), "{wrong:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_sending_is_given_up() {
        let stuck = Body::from_stream(futures::stream::pending::<std::io::Result<Bytes>>());
        let result = over_http(stuck, 3, &Budget::new(1)).await;
        assert_eq!(result.err().map(|error| error.code()), Some("timeout"));
    }
}
