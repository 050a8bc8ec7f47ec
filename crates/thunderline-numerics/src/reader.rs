//! Random access to a model's bytes, wherever they lie.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt};

use crate::{Error, ModelSchema, Result};

/// Reads parts of a model's arrays. Several threads may read at once.
pub trait ArrayReader: Send + Sync {
    /// Fills the buffer with the bytes of one array that begin at this offset within the array.
    ///
    /// # Errors
    /// Whatever the medium reports; `UnexpectedEof` where the array ends before the buffer is full.
    fn read_at(&self, array: usize, byte_offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// A model in memory: all arrays one after another, in schema order, without gaps.
pub struct MemoryArrays {
    schema: ModelSchema,
    bytes: Vec<u8>,
}

impl MemoryArrays {
    /// Arrays of this schema in these bytes.
    ///
    /// # Errors
    /// `InvalidInput` where the lengths differ.
    pub fn new(schema: ModelSchema, bytes: Vec<u8>) -> io::Result<Self> {
        if bytes.len() as u64 != schema.bytes() {
            let why = format!("{} bytes for a model of {}", bytes.len(), schema.bytes());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(Self { schema, bytes })
    }

    /// The bytes of all arrays.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl ArrayReader for MemoryArrays {
    fn read_at(&self, array: usize, byte_offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = within(self.schema.array_bytes(array), byte_offset, buffer.len())
            .map(|offset| self.schema.array_offset(array) + offset)?;
        let start = usize::try_from(start).map_err(io::Error::other)?;
        buffer.copy_from_slice(&self.bytes[start..start + buffer.len()]);
        Ok(())
    }
}

/// A model in a file, each array in its own range of bytes.
pub struct FileArrays {
    file: File,
    ranges: Vec<Range<u64>>,
}

impl FileArrays {
    /// Arrays at these byte ranges of the file.
    #[must_use]
    pub fn new(file: File, ranges: Vec<Range<u64>>) -> Self {
        Self { file, ranges }
    }
}

impl ArrayReader for FileArrays {
    fn read_at(&self, array: usize, byte_offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let range = &self.ranges[array];
        let offset = within(range.end - range.start, byte_offset, buffer.len())?;
        self.file.read_exact_at(buffer, range.start + offset)
    }
}

/// The offset again, where the wanted bytes lie within the array.
fn within(size: u64, offset: u64, wanted: usize) -> io::Result<u64> {
    match offset.checked_add(wanted as u64) {
        Some(end) if end <= size => Ok(offset),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Bytes that are read at once: they stay in the cache between reading and whatever is done with them. A multiple of every
/// element's size.
const PIECE: u64 = 1 << 18;

/// Hands over one array's bytes from front to back, a piece at a time, each with the number of its first element. No piece ends
/// within an element.
///
/// # Errors
/// `internal`, naming the array, where reading fails; whatever `out` returns, at once.
pub fn for_each_piece(
    arrays: &dyn ArrayReader,
    schema: &ModelSchema,
    array: usize,
    out: &mut dyn FnMut(u64, &[u8]) -> Result<()>,
) -> Result<()> {
    let (spec, total) = (&schema.arrays()[array], schema.array_bytes(array));
    let mut buffer = vec![0; total.min(PIECE) as usize];
    let mut offset = 0;
    while offset < total {
        let piece = &mut buffer[..(total - offset).min(PIECE) as usize];
        arrays.read_at(array, offset, piece).map_err(|error| {
            Error::internal(format!("reading array '{}' at byte {offset}", spec.name)).caused_by(error)
        })?;
        out(offset / spec.dtype.size() as u64, piece)?;
        offset += piece.len() as u64;
    }
    Ok(())
}
