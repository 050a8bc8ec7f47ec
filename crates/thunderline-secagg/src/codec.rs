//! How messages lie in bytes: little-endian, with every length checked before anything is reserved.

use crate::Refusal;

/// What every message begins with, before its version and its kind.
const MAGIC: [u8; 4] = *b"TLSA";

/// The version of every message. A change of any layout or of what is signed is another version.
pub(crate) const VERSION: u8 = 1;

/// The length of what every message begins with.
pub(crate) const HEAD: usize = 6;

/// Writes a message.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Begins a message of a kind, with room for `body` bytes.
    pub(crate) fn new(kind: u8, body: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEAD + body);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[VERSION, kind]);
        Self(bytes)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// A count of things that a roster bounds.
    pub(crate) fn count(&mut self, count: usize) -> &mut Self {
        self.u16(u16::try_from(count).expect("a roster has at most 65534 members"))
    }

    pub(crate) fn words(&mut self, words: &[u32]) -> &mut Self {
        let length = u32::try_from(words.len()).expect("a session's vectors are shorter than 2^32");
        self.bytes(&length.to_le_bytes());
        self.0.reserve_exact(words.len() * 4);
        for word in words {
            self.0.extend_from_slice(&word.to_le_bytes());
        }
        self
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// Reads a message, and says what is wrong with one that is none.
pub(crate) struct Reader<'a> {
    message: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks that `bytes` begin a message of this version and kind.
    pub(crate) fn new(message: &'static str, kind: u8, bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Self { message, rest: bytes };
        if reader.array::<4>()? != MAGIC {
            return Err(reader.wrong("it does not begin like one"));
        }
        let [version, found] = reader.array::<2>()?;
        if version != VERSION {
            return Err(reader.wrong("it is of another version"));
        }
        if found != kind {
            return Err(reader.wrong("it is a message of another kind"));
        }
        Ok(reader)
    }

    pub(crate) fn wrong(&self, why: &'static str) -> Refusal {
        Refusal::Malformed { message: self.message, why }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        if self.rest.len() < length {
            return Err(self.wrong("it ends too early"));
        }
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let taken = self.take(N)?;
        Ok(taken.try_into().expect("as many bytes were taken"))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Refusal> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// A list of `size`-byte entries: their count is believed only where the bytes are there.
    pub(crate) fn list<T>(
        &mut self,
        size: usize,
        mut entry: impl FnMut(&mut Self) -> Result<T, Refusal>,
    ) -> Result<Vec<T>, Refusal> {
        let count = usize::from(self.u16()?);
        if self.rest.len() < count * size {
            return Err(self.wrong("it ends too early"));
        }
        (0..count).map(|_| entry(self)).collect()
    }

    pub(crate) fn words(&mut self) -> Result<Vec<u32>, Refusal> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let Some(size) = length.checked_mul(4) else {
            return Err(self.wrong("it ends too early"));
        };
        let bytes = self.take(size)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    /// That nothing follows.
    pub(crate) fn end(self) -> Result<(), Refusal> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong("something follows it")) }
    }
}

/// That members are named in ascending order, and so none twice.
pub(crate) fn ascending(
    message: &'static str,
    mut members: impl Iterator<Item = u16>,
) -> Result<(), Refusal> {
    let Some(mut last) = members.next() else { return Ok(()) };
    for member in members {
        if member <= last {
            return Err(Refusal::Malformed { message, why: "its members are not in ascending order" });
        }
        last = member;
    }
    Ok(())
}
