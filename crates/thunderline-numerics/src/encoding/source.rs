//! A payload of known length, read from front to back.

use std::io::{ErrorKind, Read};

use crate::{Result, malformed};

pub(super) struct Source<'a> {
    bytes: &'a mut dyn Read,
    left: u64,
}

impl<'a> Source<'a> {
    pub fn new(bytes: &'a mut dyn Read, length: u64) -> Self {
        Self { bytes, left: length }
    }

    /// The next bytes.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        let cut_off = || malformed("payload", "it is cut off");
        self.left = self.left.checked_sub(buffer.len() as u64).ok_or_else(cut_off)?;
        self.bytes.read_exact(buffer).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => cut_off(),
            _ => error.into(),
        })
    }

    /// The next bytes, in the beginning of a buffer that grows to their number.
    pub fn take<'b>(&mut self, length: usize, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        buffer.resize(length, 0);
        self.fill(buffer)?;
        Ok(buffer)
    }

    /// The next four bytes as a number that is finite and not below zero.
    pub fn scale(&mut self) -> Result<f32> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        let scale = f32::from_le_bytes(bytes);
        if scale.is_finite() && scale >= 0.0 {
            Ok(scale)
        } else {
            Err(malformed("payload", format!("the scale {scale}")))
        }
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<()> {
        match self.left {
            0 => Ok(()),
            left => Err(malformed("payload", format!("{left} bytes too many"))),
        }
    }
}
