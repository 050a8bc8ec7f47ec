//! Content-addressed objects.
//!
//! An object's bytes are `<kind> SP <child ids joined by ","> SP <body length> NUL <body>`, and its id is the SHA-256 of
//! exactly those bytes.

use std::{fmt, str::FromStr};

use bytes::{BufMut, Bytes, BytesMut};
use thunderline_core::{Error, Result, Sha256, hex};

use crate::malformed;

/// The most children one object may name. An array of 65 536 chunks of 5 MiB is 320 GiB.
pub const MAX_CHILDREN: usize = 65_536;

const HEX_LENGTH: usize = 64;
// The longest kind, the most children with their commas, two spaces and a 20-digit length.
const MAX_HEADER: usize = 16 + MAX_CHILDREN * (HEX_LENGTH + 1) + 22;

/// The SHA-256 of an object's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub Sha256);

impl ObjectId {
    /// The id of an object, given all its bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::of(bytes))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "object:{self}")
    }
}

impl FromStr for ObjectId {
    type Err = Error;

    /// Accepts the digits alone, as clients send them: an object's header has one text.
    fn from_str(text: &str) -> Result<Self> {
        hex::decode(text).map(|bytes| Self(Sha256::from_bytes(bytes))).ok_or_else(|| {
            malformed(
                "object_id",
                format!("'{}' is not an object id", clip(text)),
                "64 lower-case hexadecimal digits",
            )
        })
    }
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A piece of an array's data.
    ArrayChunk,
    /// An array's shape and type, and which chunks make it up.
    Array,
    /// Names and their arrays.
    ArrayRecord,
    /// Configuration.
    ConfigRecord,
    /// Metrics.
    MetricRecord,
    /// Names and their records.
    RecordDict,
    /// A message.
    Message,
}

impl Kind {
    /// All kinds, from the leaves to the root.
    pub const ALL: [Self; 7] = [
        Self::ArrayChunk,
        Self::Array,
        Self::ArrayRecord,
        Self::ConfigRecord,
        Self::MetricRecord,
        Self::RecordDict,
        Self::Message,
    ];

    /// The kind's name in the header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ArrayChunk => "ArrayChunk",
            Self::Array => "Array",
            Self::ArrayRecord => "ArrayRecord",
            Self::ConfigRecord => "ConfigRecord",
            Self::MetricRecord => "MetricRecord",
            Self::RecordDict => "RecordDict",
            Self::Message => "Message",
        }
    }

    fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().as_bytes() == name)
    }
}

/// What precedes an object's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the object is.
    pub kind: Kind,
    /// The distinct children in first-use order.
    pub children: Vec<ObjectId>,
    /// The body's length in bytes.
    pub body_length: u64,
}

impl Header {
    /// The header's bytes, the NUL included.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = String::with_capacity(40 + self.children.len() * (HEX_LENGTH + 1));
        text.push_str(self.kind.name());
        text.push(' ');
        for (i, child) in self.children.iter().enumerate() {
            if i > 0 {
                text.push(',');
            }
            text.push_str(&child.to_string());
        }
        text.push(' ');
        text.push_str(&self.body_length.to_string());
        text.push('\0');
        text.into_bytes()
    }

    /// Reads the header at the beginning of an object; also says where the body begins. `bytes` need not hold the body.
    ///
    /// # Errors
    /// `invalid` where the beginning is not a header as [`Self::encode`] writes it.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize)> {
        let refused =
            |reason: &str| malformed("object", reason, "<kind> SP <child ids> SP <length> NUL <body>");
        let window = &bytes[..bytes.len().min(MAX_HEADER)];
        let end = window.iter().position(|&b| b == 0).ok_or_else(|| refused("the header does not end"))?;
        let mut parts = window[..end].split(|&b| b == b' ');
        let (Some(kind), Some(children), Some(length), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(refused("the header does not have three parts"));
        };
        let kind = Kind::from_name(kind).ok_or_else(|| refused("the kind is unknown"))?;
        let children = if children.is_empty() {
            Vec::new()
        } else {
            let text = std::str::from_utf8(children).map_err(|_| refused("a child's id is not text"))?;
            text.split(',').map(str::parse).collect::<Result<Vec<_>>>()?
        };
        let body_length = decimal(length).ok_or_else(|| refused("the length is not a decimal number"))?;
        Ok((Self { kind, children, body_length }, end + 1))
    }
}

/// A number as Python prints it: no sign, no leading zero.
fn decimal(digits: &[u8]) -> Option<u64> {
    let canonical =
        digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || digits.first() != Some(&b'0'));
    canonical.then(|| std::str::from_utf8(digits).ok()?.parse().ok())?
}

/// An object in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// The distinct children in first-use order.
    pub children: Vec<ObjectId>,
    /// The body.
    pub body: Bytes,
}

impl Object {
    /// An object without children.
    #[must_use]
    pub fn leaf(kind: Kind, body: impl Into<Bytes>) -> Self {
        Self { kind, children: Vec::new(), body: body.into() }
    }

    /// The object's bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let header =
            Header { kind: self.kind, children: self.children.clone(), body_length: self.body.len() as u64 }
                .encode();
        let mut bytes = BytesMut::with_capacity(header.len() + self.body.len());
        bytes.put_slice(&header);
        bytes.put_slice(&self.body);
        bytes.freeze()
    }

    /// Reads an object; the body shares memory with `bytes`.
    ///
    /// # Errors
    /// `invalid` where the header is malformed or states another length than the body has.
    pub fn decode(bytes: &Bytes) -> Result<Self> {
        let (header, start) = Header::decode(bytes)?;
        let body = bytes.slice(start..);
        if body.len() as u64 != header.body_length {
            let reason = format!("the header says {} bytes, the body has {}", header.body_length, body.len());
            return Err(malformed("object", reason, "the body's own length"));
        }
        Ok(Self { kind: header.kind, children: header.children, body })
    }

    /// Reads an object of a known kind.
    ///
    /// # Errors
    /// As [`Self::decode`], and `invalid` where it is of another kind.
    pub fn decode_as(kind: Kind, bytes: &Bytes) -> Result<Self> {
        let object = Self::decode(bytes)?;
        if object.kind != kind {
            return Err(malformed("object", format!("it is a {}", object.kind.name()), kind.name()));
        }
        Ok(object)
    }
}

/// Keeps messages about hostile input short.
fn clip(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The chunk of the array [[1,2],[3,4]] in float32, as NumPy 1.26 saves it.
    fn chunk() -> Object {
        let mut body =
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }".to_vec();
        body.resize(127, b' ');
        body.push(b'\n');
        for value in [1.0f32, 2.0, 3.0, 4.0] {
            body.extend(value.to_le_bytes());
        }
        Object::leaf(Kind::ArrayChunk, body)
    }

    #[test]
    fn a_chunk_has_the_id_that_flower_computes() {
        let bytes = chunk().encode();
        assert_eq!(bytes.len(), 160);
        assert!(bytes.starts_with(b"ArrayChunk  144\0"));
        assert_eq!(
            ObjectId::of(&bytes).to_string(),
            "0bd55c552a4d962cf4398ecd7b71d1a05377410b9b904603b85f1760b8928530"
        );
        assert_eq!(Object::decode(&bytes).unwrap(), chunk());
    }

    #[test]
    fn malformed_objects_are_refused_with_the_reason() {
        for (bytes, reason) in [
            (&b"ArrayChunk  3\0ab"[..], "says 3 bytes"),
            (b"ArrayChunk  3", "does not end"),
            (b"ArrayChunk 3\0abc", "three parts"),
            (b"ArrayChunk   3\0abc", "three parts"),
            (b"Blob  3\0abc", "kind is unknown"),
            (b"Array 00 3\0abc", "not an object id"),
            (b"Array  03\0abc", "not a decimal"),
            (b"Array  +3\0abc", "not a decimal"),
            (b"Array  99999999999999999999\0abc", "not a decimal"),
            (b"Array  \0", "not a decimal"),
        ] {
            let error = Object::decode(&Bytes::from_static(bytes)).unwrap_err().to_string();
            assert!(error.contains(reason), "{error} does not say '{reason}'");
        }
        assert!(Object::decode_as(Kind::Array, &chunk().encode()).is_err());
    }

    #[test]
    fn an_upper_case_id_is_refused() {
        assert!(
            "0BD55C552A4D962CF4398ECD7B71D1A05377410B9B904603B85F1760B8928530".parse::<ObjectId>().is_err()
        );
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(kind in 0usize..7, children in proptest::collection::vec(any::<[u8; 32]>(), 0..5), body: Vec<u8>) {
            let children = children.into_iter().map(|id| ObjectId(Sha256::from_bytes(id))).collect();
            let object = Object { kind: Kind::ALL[kind], children, body: body.into() };
            prop_assert_eq!(Object::decode(&object.encode()).unwrap(), object);
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_what_is_read_is_canonical(bytes: Vec<u8>) {
            let bytes = Bytes::from(bytes);
            if let Ok(object) = Object::decode(&bytes) {
                prop_assert_eq!(object.encode(), bytes);
            }
        }

        #[test]
        fn almost_valid_headers_never_panic(text in "(Array|Message)? ?[0-9a-f,]{0,70} ?[0-9]{0,3}\0?.{0,9}") {
            let bytes = Bytes::from(text);
            if let Ok(object) = Object::decode(&bytes) {
                prop_assert_eq!(object.encode(), bytes);
            }
        }
    }
}
