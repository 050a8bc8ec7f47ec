//! The stream of ChaCha20 (RFC 8439, nonce zero: a key is used for one stream) as masks and as drawn bytes.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroize;

/// As many words of the stream as are made at a time; they stay in the nearest cache.
const WORDS: usize = 1024;

/// A stream of pseudo-random bytes under a key of its own.
pub(crate) struct Stream(ChaCha20);

impl Stream {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(ChaCha20::new(key.into(), &[0; 12].into()))
    }

    /// The next bytes of the stream.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        buffer.fill(0);
        self.0.apply_keystream(buffer);
    }
}

/// Whether a mask goes on or comes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Added modulo 2^32.
    Plus,
    /// Taken off modulo 2^32.
    Minus,
}

/// Adds the mask of `key` to `words`, or takes it off.
pub(crate) fn mask(words: &mut [u32], key: &[u8; 32], sign: Sign) {
    let mut stream = Stream::new(key);
    let mut buffer = [0; WORDS * 4];
    for words in words.chunks_mut(WORDS) {
        let bytes = &mut buffer[..words.len() * 4];
        stream.fill(bytes);
        let masks = bytes.as_chunks::<4>().0;
        match sign {
            Sign::Plus => {
                for (word, mask) in words.iter_mut().zip(masks) {
                    *word = word.wrapping_add(u32::from_le_bytes(*mask));
                }
            }
            Sign::Minus => {
                for (word, mask) in words.iter_mut().zip(masks) {
                    *word = word.wrapping_sub(u32::from_le_bytes(*mask));
                }
            }
        }
    }
    buffer.zeroize();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_that_of_the_rfc() {
        // RFC 8439, appendix A.1, test vector 1: key and nonce zero, counter zero.
        let mut words = [0; 4];
        mask(&mut words, &[0; 32], Sign::Plus);
        assert_eq!(words, [0xade0_b876, 0x903d_f1a0, 0xe56a_5d40, 0x28bd_8653]);
    }

    #[test]
    fn what_goes_on_comes_off_again_over_many_buffers() {
        let plain: Vec<u32> = (0..5_000).collect();
        let mut words = plain.clone();
        mask(&mut words, &[5; 32], Sign::Plus);
        assert!(words.iter().zip(&plain).filter(|(masked, plain)| masked == plain).count() < 3);
        mask(&mut words, &[5; 32], Sign::Minus);
        assert_eq!(words, plain);
    }
}
