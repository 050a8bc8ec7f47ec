//! Answers: serialized messages in pieces, so that a model's bytes go from file to socket without being held.

use std::{
    collections::VecDeque,
    fs::File,
    future::Future,
    io,
    ops::Range,
    os::unix::fs::FileExt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use prost::Message;

use crate::{
    blocking::blocking,
    budget::{Budget, held},
};

/// How much of a file is in memory at once, for each answer that is being sent: small, so that many slow readers fit.
const PIECE: u64 = 64 * 1024;

/// A part of an answer.
#[derive(Clone)]
pub(crate) enum Piece {
    /// In memory.
    Bytes(Bytes),
    /// In a file; read when its turn comes.
    File {
        /// The file.
        file: Arc<File>,
        /// Where in it.
        range: Range<u64>,
    },
}

/// A serialized message.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pieces: Vec<Piece>,
}

impl Answer {
    /// A message that is in memory.
    pub(crate) fn message(message: &impl Message) -> Self {
        Self { pieces: vec![Piece::Bytes(message.encode_to_vec().into())] }
    }

    /// The field `tag` of a message, holding `content` of a known length: a bytes field or a nested message.
    pub(crate) fn field(tag: u32, content: Vec<Piece>) -> Self {
        let length: u64 = content.iter().map(Piece::length).sum();
        let mut head = BytesMut::new();
        prost::encoding::encode_key(tag, prost::encoding::WireType::LengthDelimited, &mut head);
        prost::encoding::encode_varint(length, &mut head);
        let mut pieces = vec![Piece::Bytes(head.freeze())];
        pieces.extend(content);
        Self { pieces }
    }

    /// The fields of `message` followed by those of `other`; protobuf reads them as one message.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// The parts.
    pub(crate) fn into_pieces(self) -> Vec<Piece> {
        self.pieces
    }

    /// The length in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.pieces.iter().map(Piece::length).sum()
    }

    /// The body of an HTTP response.
    pub(crate) fn into_body(self, budget: Budget) -> AnswerBody {
        AnswerBody { left: self.length(), pieces: self.pieces.into(), reading: None, trailers: None, budget }
    }

    /// The body of a gRPC response: one uncompressed frame, then the trailers that say that all went well.
    pub(crate) fn into_grpc_body(self, budget: Budget) -> AnswerBody {
        let mut head = BytesMut::with_capacity(5);
        head.put_u8(0);
        head.put_u32(u32::try_from(self.length()).expect("objects are far smaller than 4 GiB"));
        let framed = Self { pieces: vec![Piece::Bytes(head.freeze())] }.and(self);
        let mut body = framed.into_body(budget);
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        body.trailers = Some(trailers);
        body
    }
}

impl Piece {
    /// The length in bytes.
    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { range, .. } => range.end - range.start,
        }
    }
}

type Reading = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

/// An answer on its way to the socket.
pub(crate) struct AnswerBody {
    pieces: VecDeque<Piece>,
    reading: Option<Reading>,
    left: u64,
    trailers: Option<HeaderMap>,
    budget: Budget,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        loop {
            if let Some(reading) = &mut this.reading {
                let bytes = ready!(reading.as_mut().poll(cx))?;
                this.reading = None;
                this.left -= bytes.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            match this.pieces.pop_front() {
                None => {
                    return Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
                }
                Some(piece) if piece.length() == 0 => {}
                Some(Piece::Bytes(bytes)) => {
                    this.left -= bytes.len() as u64;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Piece::File { file, range }) => {
                    let end = range.end.min(range.start + PIECE);
                    if end < range.end {
                        this.pieces.push_front(Piece::File { file: file.clone(), range: end..range.end });
                    }
                    this.reading = Some(Box::pin(read(file, range.start..end, this.budget.clone())));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

async fn read(file: Arc<File>, range: Range<u64>, budget: Budget) -> io::Result<Bytes> {
    let length = usize::try_from(range.end - range.start).expect("a piece is small");
    let share = budget.take(length).await;
    let reading = move || {
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, range.start)?;
        Ok(held(bytes, share))
    };
    blocking(reading).await.map_err(io::Error::other)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use http_body_util::BodyExt;
    use thunderline_flower::wire;

    use super::*;

    /// All bytes and the trailers. Copies, so that shares are given back as they are by a socket.
    pub(crate) async fn drain(body: AnswerBody) -> (Vec<u8>, Option<HeaderMap>) {
        let (mut bytes, mut trailers) = (Vec::new(), None);
        let mut body = std::pin::pin!(body);
        while let Some(frame) = body.frame().await {
            match frame.unwrap().into_data() {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        assert!(body.is_end_stream());
        (bytes, trailers)
    }

    #[tokio::test]
    async fn a_file_is_sent_in_pieces_within_the_budget_and_reads_as_one_message() {
        let content: Vec<u8> = (0..600_000u32).map(|i| i as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let file = Piece::File { file: Arc::new(file), range: 7..600_000 };
        let found = wire::PullObjectResponse {
            object_found: true,
            object_available: true,
            object_content: Bytes::new(),
        };
        let head = Piece::Bytes(Bytes::from_static(b"head"));
        let answer = Answer::message(&found).and(Answer::field(3, vec![head, file]));
        let length = answer.length();
        // Less than the file: sending must give shares back as it goes.
        let budget = Budget::new(300 * 1024);
        let body = answer.clone().into_body(budget.clone());
        assert_eq!(body.size_hint().exact(), Some(length));
        let (sent, none) = drain(body).await;
        assert!(none.is_none());
        let read = wire::PullObjectResponse::decode(Bytes::from(sent.clone())).unwrap();
        assert!(read.object_found && read.object_available);
        assert_eq!(&read.object_content[..4], b"head");
        assert_eq!(&read.object_content[4..], &content[7..]);
        assert_eq!(budget.available(), 300 * 1024);

        let (framed, trailers) = drain(answer.into_grpc_body(budget)).await;
        assert_eq!(trailers.unwrap()["grpc-status"], "0");
        assert_eq!(framed[..5], [&[0], &u32::try_from(length).unwrap().to_be_bytes()[..]].concat());
        assert_eq!(framed[5..], sent);
    }

    #[tokio::test]
    async fn an_empty_message_is_an_empty_body() {
        let body = Answer::default().into_body(Budget::new(1));
        assert!(body.is_end_stream());
        assert!(drain(body).await.0.is_empty());
    }
}
