//! Reading request bodies: bounded in size, in memory over all connections, and in patience.

use axum::body::Body;
use bytes::{Buf, BytesMut};
use thunderline_core::{Error, ErrorKind, NodeId, Result};
use thunderline_flower::Rpc;

use crate::{
    pace::Paced,
    spool::{Received, Spool},
};

const GRPC_HEAD: usize = 5;
/// How much of a request that is too large is read before it is refused. A client that is cut off while it sends sees a
/// broken connection, over which it tries again for ever, instead of the refusal.
const READ_ANYWAY: usize = 64 * 1024 * 1024;

/// The largest request of each kind, in bytes. Clients cut objects at 5 MiB; an announcement names each object of a reply.
pub(crate) const fn limit(rpc: Rpc) -> usize {
    match rpc {
        Rpc::PushObject => 16 * 1024 * 1024,
        Rpc::PushMessages => 8 * 1024 * 1024,
        _ => 64 * 1024,
    }
}

/// Reads the body of a node's request over HTTP.
///
/// # Errors
/// `too_large`; `timeout` where the client stops sending or is too slow; `invalid` where it hangs up; `unavailable` where the
/// node has too many large requests on their way; `internal` where the disk fails.
pub(crate) async fn over_http(body: Body, limit: usize, spool: &Spool, node: NodeId) -> Result<Received> {
    let mut paced = Paced::new(body);
    // What nobody states can become as large as is allowed.
    let stated = paced.size_hint().upper().unwrap_or(limit as u64);
    let stated = usize::try_from(stated).unwrap_or(usize::MAX);
    if stated > limit {
        drain(&mut paced).await;
        return Err(too_large(stated, limit));
    }
    let mut incoming = spool.begin(node, stated);
    while let Some(data) = paced.next().await? {
        let length = incoming.length() + data.len();
        if length > limit {
            drop(incoming);
            drain(&mut paced).await;
            return Err(too_large(length, limit));
        }
        incoming.add(data).await?;
    }
    incoming.end().await
}

/// Reads the body of a node's request over gRPC: exactly one uncompressed frame.
///
/// # Errors
/// As [`over_http`], and `invalid` where it is not such a frame.
pub(crate) async fn over_grpc(body: Body, limit: usize, spool: &Spool, node: NodeId) -> Result<Received> {
    let mut begun = BytesMut::new();
    let mut paced = Paced::new(body);
    while begun.len() < GRPC_HEAD {
        let data = paced.next().await?.ok_or_else(|| malformed("the request is cut off"))?;
        begun.extend_from_slice(&data);
    }
    let compressed = begun.get_u8() != 0;
    let length = begun.get_u32() as usize;
    if compressed {
        return Err(malformed("the request is compressed"));
    }
    if length > limit {
        return Err(too_large(length, limit));
    }
    let mut incoming = spool.begin(node, length);
    let mut next = Some(begun.freeze());
    while let Some(data) = next {
        if incoming.length() + data.len() > length {
            return Err(malformed("there is more than one message"));
        }
        incoming.add(data).await?;
        next = paced.next().await?;
    }
    if incoming.length() != length {
        return Err(malformed("the request is cut off"));
    }
    incoming.end().await
}

/// Lets the client finish, holding nothing, so that it reads why it is refused.
///
/// One that states more than is read anyway would be cut off in any case, and is at once.
pub(crate) async fn drain(paced: &mut Paced) {
    if paced.size_hint().lower() > READ_ANYWAY as u64 {
        return;
    }
    let mut read = 0;
    while read < READ_ANYWAY {
        match paced.next().await {
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
    use bytes::Bytes;

    use super::*;
    use crate::pace::PATIENCE;

    fn spool(bytes: usize) -> Spool {
        Spool::new(std::env::temp_dir(), bytes)
    }

    fn node(number: u64) -> NodeId {
        NodeId::from_bits(number)
    }

    fn pieces(pieces: &[&'static [u8]]) -> Body {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece))).collect();
        Body::from_stream(futures::stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_is_read_whatever_its_pieces() {
        let spool = spool(1 << 20);
        let read = over_http(pieces(&[b"ab", b"", b"c"]), 3, &spool, node(1)).await.unwrap();
        assert_eq!(read.bytes, "abc");
        let read = over_grpc(pieces(&[b"\0\0", b"\0\0\x03a", b"bc"]), 3, &spool, node(1)).await.unwrap();
        assert_eq!(read.bytes, "abc");
    }

    #[tokio::test]
    async fn bodies_that_are_too_large_or_malformed_are_refused() {
        let spool = spool(1 << 20);
        let code = |result: Result<Received>| result.err().map(|error| error.code());
        assert_eq!(code(over_http(Body::from("abcd"), 3, &spool, node(1)).await), Some("too_large"));
        assert_eq!(code(over_http(pieces(&[b"ab", b"cd"]), 3, &spool, node(1)).await), Some("too_large"));
        assert_eq!(
            code(over_grpc(pieces(&[b"\0\0\0\0\x04abcd"]), 3, &spool, node(1)).await),
            Some("too_large")
        );
        for wrong in [&b"\0\0\0"[..], b"\x01\0\0\0\x01a", b"\0\0\0\0\x02a", b"\0\0\0\0\x01ab"] {
            assert_eq!(
                code(over_grpc(pieces(&[wrong]), 3, &spool, node(1)).await),
                Some("invalid"),
                "{wrong:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_sending_is_given_up() {
        let stuck = Body::from_stream(futures::stream::pending::<std::io::Result<Bytes>>());
        let result = over_http(stuck, 3, &spool(1), node(1)).await;
        assert_eq!(result.err().map(|error| error.code()), Some("timeout"));
    }

    /// So many bytes, and then nothing.
    fn stalled(bytes: usize, stated: usize) -> Body {
        struct Stalled(Option<Bytes>, u64);
        impl http_body::Body for Stalled {
            type Data = Bytes;
            type Error = std::convert::Infallible;
            fn poll_frame(
                mut self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
                match self.0.take() {
                    Some(bytes) => std::task::Poll::Ready(Some(Ok(http_body::Frame::data(bytes)))),
                    // The test's timer wakes the reader.
                    None => std::task::Poll::Pending,
                }
            }
            fn size_hint(&self) -> http_body::SizeHint {
                http_body::SizeHint::with_exact(self.1)
            }
        }
        Body::new(Stalled((bytes > 0).then(|| vec![0; bytes].into()), stated as u64))
    }

    #[tokio::test(start_paused = true)]
    async fn who_stalls_after_stating_the_largest_length_holds_back_nobody() {
        let (largest, total) = (limit(Rpc::PushObject), 12 << 20);
        let spool = spool(total);
        for came in [0, 1, 1 << 20] {
            let frame = [&[0][..], &u32::try_from(largest).unwrap().to_be_bytes()].concat();
            let grpc = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(frame))]);
            let grpc = Body::from_stream(futures::StreamExt::chain(grpc, futures::stream::pending()));
            let begun = tokio::time::Instant::now();
            let mut stuck = std::pin::pin!(futures::future::join(
                over_http(stalled(came, largest), largest, &spool, node(1)),
                over_grpc(grpc, largest, &spool, node(1)),
            ));
            assert!(futures::poll!(&mut stuck).is_pending());
            for _ in 0..10 {
                let honest = over_http(Body::from(vec![7; 5 << 20]), largest, &spool, node(2)).await.unwrap();
                assert_eq!(honest.bytes.len(), 5 << 20);
            }
            assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
            let (http, grpc) = stuck.await;
            assert_eq!(http.err().map(|error| error.code()), Some("timeout"));
            assert_eq!(grpc.err().map(|error| error.code()), Some("timeout"));
            assert!(begun.elapsed() <= 2 * PATIENCE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stated_far_beyond_the_limit_is_refused_before_any_of_it_comes() {
        let begun = tokio::time::Instant::now();
        let error = over_http(stalled(0, 256 << 20), 1000, &spool(1), node(1)).await.err().unwrap();
        assert_eq!((error.code(), begun.elapsed()), ("too_large", std::time::Duration::ZERO));
        assert!(error.external().contains("268435456") && error.external().contains("1000"), "{error}");
    }
}
