//! A masked input.

use crate::Refusal;
use crate::codec::{HEAD, Reader, Writer};
use crate::keys;

const KIND: u8 = 5;

/// A client's input under its masks. The signature is for the other clients as much as for the server: they accept as
/// survivors only those who masked among the same sharers as they did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedInput {
    /// The digest of the roster.
    pub roster: [u8; 32],
    /// Who sends.
    pub from: u16,
    /// The digest of those among whom it was masked.
    pub sharers: [u8; 32],
    /// The client's signature over all of this and the hash of the words.
    pub signature: [u8; 64],
    /// The weight and the numbers, masked modulo 2^32.
    pub words: Vec<u32>,
}

/// The hash of masked words, as the signature has it.
pub(crate) fn words_digest(words: &[u32]) -> [u8; 32] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = [0; 4096];
    for words in words.chunks(1024) {
        for (bytes, word) in buffer.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        context.update(&buffer[..words.len() * 4]);
    }
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// What a client signs with its input.
pub(crate) fn statement(roster: &[u8; 32], sharers: &[u8; 32], from: u16, words: &[u8; 32]) -> [u8; 32] {
    keys::hash("input 1", &[roster, sharers, &from.to_le_bytes(), words])
}

impl MaskedInput {
    /// How many bytes it has in a session of so many numbers.
    #[must_use]
    pub const fn length(dimension: u32) -> u64 {
        // Before the numbers stands the weight.
        (HEAD + Self::BODY) as u64 + 4 * (dimension as u64 + 1)
    }

    /// Without the words.
    const BODY: usize = 134;

    /// The hash of its words, which the survivors' list names.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        words_digest(&self.words)
    }

    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new(KIND, Self::BODY + self.words.len() * 4);
        writer
            .bytes(&self.roster)
            .u16(self.from)
            .bytes(&self.sharers)
            .bytes(&self.signature)
            .words(&self.words);
        writer.done()
    }

    /// Who sends, from the message's beginning: [`MaskedInput::length`] of no numbers is enough of it.
    ///
    /// # Errors
    ///
    /// Bytes that no such message begins with.
    pub fn sender(beginning: &[u8]) -> Result<u16, Refusal> {
        let mut reader = Reader::new("masked input", KIND, beginning)?;
        let _roster: [u8; 32] = reader.array()?;
        reader.u16()
    }

    /// Reads the message; what it says is checked where it is used.
    ///
    /// # Errors
    ///
    /// Bytes that are no such message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new("masked input", KIND, bytes)?;
        let message = Self {
            roster: reader.array()?,
            from: reader.u16()?,
            sharers: reader.array()?,
            signature: reader.array()?,
            words: reader.words()?,
        };
        reader.end()?;
        Ok(message)
    }
}
