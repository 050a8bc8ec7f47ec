//! The body of an upload: pieces of objects, each with a line before it that says what it is.

use std::{ops::RangeInclusive, sync::Arc};

use axum::body::Body;
use bytes::{Buf, Bytes, BytesMut};
use thunderline_core::{Error, ErrorKind, Result};
use thunderline_flower::ObjectId;
use tokio_util::sync::CancellationToken;

use super::turn::Turn;
use crate::{pace::Paced, receive};

/// More than any head has: 64 digits, two numbers of at most 20, three separators.
const MAX_HEAD: usize = 128;

/// What a piece is: `<object id> <offset> <length of the whole object>` and a line feed. The object's bytes from there to its
/// end follow, and then the next head, or the body's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: ObjectId,
    /// Where in the object the piece begins; at most the length.
    pub(crate) offset: u64,
    /// Of the whole object.
    pub(crate) length: u64,
}

impl Head {
    fn parse(line: &[u8], lengths: &RangeInclusive<u64>) -> Result<Self> {
        let wrong =
            |reason: &str| Error::invalid_value("upload", reason, "<object id> <offset> <length>, LF");
        let text = std::str::from_utf8(line).map_err(|_| wrong("a piece's first line is no text"))?;
        let mut words = text.split(' ');
        let (Some(id), Some(offset), Some(length), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(wrong("a piece's first line has other than three words"));
        };
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong("a number is expected"));
        let (offset, length) = (number(offset)?, number(length)?);
        if !lengths.contains(&length) {
            let (least, most) = (lengths.start(), lengths.end());
            let allowed =
                if least == most { format!("{most} bytes") } else { format!("{least} to {most} bytes") };
            return Err(Error::invalid_value("length", format!("an object of {length} bytes"), allowed));
        }
        if offset > length {
            return Err(Error::invalid_value("offset", format!("byte {offset}"), format!("0 to {length}")));
        }
        Ok(Self { id: id.parse()?, offset, length })
    }
}

/// A body that is read as it comes.
pub(crate) struct Pieces {
    body: Paced,
    /// Received and not yet used: at most what came at once.
    ready: Bytes,
    /// How many bytes an object can have.
    lengths: RangeInclusive<u64>,
    turn: Arc<Turn>,
    stop: CancellationToken,
}

impl Pieces {
    /// Of objects with so many bytes. Reading ends, with an error, where the turn is over or the server stops.
    pub(crate) fn new(
        body: Body,
        lengths: RangeInclusive<u64>,
        turn: Arc<Turn>,
        stop: CancellationToken,
    ) -> Self {
        Self { body: Paced::new(body), ready: Bytes::new(), lengths, turn, stop }
    }

    /// The next piece's head; none at the body's end.
    ///
    /// # Errors
    /// `invalid` where there is something else, or the client hangs up; `timeout` where it stops sending or is too slow;
    /// `conflict` where another request of the node has its turn; `unavailable` where the server stops.
    pub(crate) async fn head(&mut self) -> Result<Option<Head>> {
        let mut line = BytesMut::new();
        while self.more().await? {
            let end = self.ready.iter().position(|&byte| byte == b'\n');
            line.extend_from_slice(&self.ready[..end.unwrap_or(self.ready.len())]);
            self.ready.advance(end.map_or(self.ready.len(), |end| end + 1));
            if line.len() > MAX_HEAD {
                break;
            }
            if end.is_some() {
                return Head::parse(&line, &self.lengths).map(Some);
            }
        }
        if line.is_empty() { Ok(None) } else { Head::parse(&line, &self.lengths).map(Some) }
    }

    /// The next bytes of a piece, at least one and at most so many; none at the body's end.
    ///
    /// # Errors
    /// As [`Self::head`].
    pub(crate) async fn bytes(&mut self, most: u64) -> Result<Option<Bytes>> {
        if !self.more().await? {
            return Ok(None);
        }
        let count = usize::try_from(most).map_or(self.ready.len(), |most| most.min(self.ready.len()));
        Ok(Some(self.ready.split_to(count)))
    }

    /// Leaves out so many bytes.
    ///
    /// # Errors
    /// As [`Self::head`].
    pub(crate) async fn skip(&mut self, mut count: u64) -> Result<()> {
        while count > 0 {
            let Some(bytes) = self.bytes(count).await? else { return Ok(()) };
            count -= bytes.len() as u64;
        }
        Ok(())
    }

    /// Lets the client finish what it is sending, so that it reads the answer: one in the middle of a request is taken for a
    /// broken connection.
    pub(crate) async fn drain(&mut self) {
        tokio::select! {
            () = self.turn.over() => {}
            () = self.stop.cancelled() => {}
            () = receive::drain(&mut self.body) => {}
        }
    }

    /// Whether there is something to use.
    async fn more(&mut self) -> Result<bool> {
        while self.ready.is_empty() {
            // Only here: what was received is always written to its end.
            let next = tokio::select! {
                biased;
                () = self.turn.over() => {
                    return Err(Error::conflict("another request of this node goes on with the upload"));
                }
                () = self.stop.cancelled() => {
                    return Err(Error::new(ErrorKind::Unavailable, "the server stops"));
                }
                next = self.body.next() => next?,
            };
            match next {
                Some(bytes) => self.ready = bytes,
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::StreamExt;
    use tokio::time::{Duration, Instant};

    use super::*;
    use crate::{pace::PATIENCE, stream::Turns};

    async fn body(text: &str, cut: usize) -> Pieces {
        let pieces: Vec<_> = text
            .as_bytes()
            .chunks(cut)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
            .collect();
        let body = Body::from_stream(futures::stream::iter(pieces));
        Pieces::new(body, 1..=1 << 24, Arc::new(Turns::default().take().await), CancellationToken::new())
    }

    #[tokio::test]
    async fn heads_and_bytes_are_told_apart_however_they_come() {
        let (one, two) = (ObjectId::of(b"one"), ObjectId::of(b"two"));
        let text = format!("{one} 3 8\n\nabcd{two} 0 2\nx");
        for cut in [1, 2, 7, 64, 70, 1000] {
            let mut pieces = body(&text, cut).await;
            assert_eq!(pieces.head().await.unwrap(), Some(Head { id: one, offset: 3, length: 8 }));
            let mut bytes = Vec::new();
            while bytes.len() < 5 {
                bytes.extend(pieces.bytes(5 - bytes.len() as u64).await.unwrap().unwrap());
            }
            assert_eq!(bytes, b"\nabcd");
            assert_eq!(pieces.head().await.unwrap().unwrap().id, two);
            pieces.skip(2).await.unwrap();
            assert_eq!(pieces.head().await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn what_is_no_head_is_refused() {
        let id = ObjectId::of(b"one");
        let long = "x".repeat(1000);
        let wrong = [
            "\n".to_owned(),
            format!("{id} 0\n"),
            format!("{id} 0 1 2\n"),
            format!("{id} -1 1\n"),
            format!("{id} 2 1\n"),
            format!("{id} 0 0\n"),
            format!("{id} 0 99999999999\n"),
            "id 0 1\n".to_owned(),
            long,
            format!("{id} 0"),
        ];
        for text in wrong {
            assert_eq!(body(&text, 50).await.head().await.unwrap_err().code(), "invalid", "{text}");
        }
    }

    /// A body of which nothing comes.
    fn stuck(turn: &Arc<Turn>, stop: &CancellationToken) -> Pieces {
        let body = Body::from_stream(futures::stream::pending::<std::io::Result<Bytes>>());
        Pieces::new(body, 1..=1, turn.clone(), stop.clone())
    }

    #[tokio::test]
    async fn a_head_without_an_end_is_not_read_to_the_body_s() {
        let read = Arc::new(AtomicUsize::new(0));
        let counted = read.clone();
        let endless = futures::stream::repeat_with(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 50]))
        });
        let (turn, stop) = (Arc::new(Turns::default().take().await), CancellationToken::new());
        let mut pieces = Pieces::new(Body::from_stream(endless.take(1000)), 1..=1, turn, stop);
        assert_eq!(pieces.head().await.unwrap_err().code(), "invalid");
        assert_eq!(read.load(Ordering::Relaxed), 3, "as much as a head has");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_bytes_stops_with_the_server() {
        let stop = CancellationToken::new();
        stop.cancel();
        let turn = Arc::new(Turns::default().take().await);
        let began = Instant::now();
        let mut pieces = stuck(&turn, &stop);
        assert_eq!(pieces.head().await.unwrap_err().code(), "unavailable");
        pieces.drain().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_a_byte_now_and_then_is_given_up() {
        let dripping = futures::stream::repeat(()).then(|()| async {
            tokio::time::sleep(Duration::from_secs(8)).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"x"))
        });
        let (turn, stop) = (Arc::new(Turns::default().take().await), CancellationToken::new());
        let mut pieces = Pieces::new(Body::from_stream(dripping), 1..=1, turn, stop);
        let began = Instant::now();
        assert_eq!(pieces.skip(1000).await.unwrap_err().code(), "timeout");
        // Nor is it waited for any longer in order to be told.
        pieces.drain().await;
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_bytes_gives_way_to_the_node_s_next_request() {
        let (turns, stop) = (Turns::default(), CancellationToken::new());
        let turn = Arc::new(turns.take().await);
        let began = Instant::now();
        let first = async move {
            let mut pieces = stuck(&turn, &stop);
            assert_eq!(pieces.head().await.unwrap_err().code(), "conflict");
            pieces.drain().await;
        };
        tokio::join!(first, async { drop(turns.take().await) });
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
