//! An update as it lies on disk: for each array, the byte ranges of stored objects that hold its elements.
//!
//! The wire format that the update came in (chunks, headers) ends at the edge; here there are only arrays.

use std::{collections::BTreeSet, fs::File, io, os::unix::fs::FileExt};

use serde::{Deserialize, Serialize};
use thunderline_core::{Error, ErrorKind, Result};
use thunderline_numerics::{ArrayReader, ArraySpec, ModelSchema, finite, for_each_piece};
use thunderline_objects::{Area, Sha256};

/// An update's arrays, in the order in which the client sent them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UpdateLayout {
    /// The arrays.
    pub arrays: Vec<ArrayLayout>,
}

/// One array: what it is and where its bytes are (little-endian, row-major).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArrayLayout {
    /// Name, element type and shape.
    #[serde(flatten)]
    pub spec: ArraySpec,
    /// The byte ranges that hold the elements, in order.
    pub segments: Vec<Segment>,
}

/// A byte range of a stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The object.
    pub object: Sha256,
    /// Where the range begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub length: u64,
}

impl UpdateLayout {
    /// Checks that this update can be folded into a model of the schema: the same arrays, each with the same element type
    /// and shape, every element there and every float finite. The order may differ.
    ///
    /// # Errors
    /// `invalid`, naming the array and what was expected. Blocking: reads the whole update once.
    pub fn check(&self, schema: &ModelSchema, area: &Area) -> Result<()> {
        let refuse = |message: String| Err(Error::new(ErrorKind::Invalid, message));
        if self.arrays.len() != schema.arrays().len() {
            return refuse(format!(
                "{} arrays were sent; the model has {}",
                self.arrays.len(),
                schema.arrays().len()
            ));
        }
        for spec in schema.arrays() {
            let Some(array) = self.arrays.iter().find(|array| array.spec.name == spec.name) else {
                return refuse(format!("array '{}' is missing", spec.name));
            };
            if array.spec.dtype != spec.dtype {
                return refuse(format!("array '{}' is {}, not {}", spec.name, array.spec.dtype, spec.dtype));
            }
            if array.spec.shape != spec.shape {
                return refuse(format!(
                    "array '{}' has the shape {:?}, not {:?}",
                    spec.name, array.spec.shape, spec.shape
                ));
            }
            let held: u64 = array.segments.iter().map(|segment| segment.length).sum();
            let needed = spec.bytes().unwrap_or(u64::MAX);
            if held != needed {
                return refuse(format!("array '{}' has {held} bytes, not {needed}", spec.name));
            }
        }
        let arrays = self.reader(schema, area)?;
        for (place, spec) in schema.arrays().iter().enumerate() {
            for_each_piece(&arrays, schema, place, &mut |first, piece| {
                let Some(index) = finite::first_non_finite(spec.dtype, piece) else { return Ok(()) };
                let element = first + index as u64;
                refuse(format!("array '{}' has a NaN or an infinity at element {element}", spec.name))
            })?;
        }
        Ok(())
    }

    /// A reader of this update's arrays in the schema's order. The update must have passed [`UpdateLayout::check`].
    ///
    /// # Errors
    /// `internal` where an array of the schema is missing.
    pub fn reader<'a>(&'a self, schema: &ModelSchema, area: &'a Area) -> Result<UpdateReader<'a>> {
        let arrays = schema
            .arrays()
            .iter()
            .map(|spec| self.arrays.iter().find(|array| array.spec.name == spec.name))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::internal("an accepted update lacks an array of the model"))?;
        Ok(UpdateReader { arrays, area })
    }

    /// SHA-256 of this description: of the arrays, and of the digests of the objects that hold their elements. It names
    /// the update's bytes for good, also after they are thrown away.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        Sha256::of(&serde_json::to_vec(self).expect("a layout is plain data"))
    }

    /// The objects that hold its elements, each once.
    #[must_use]
    pub fn objects(&self) -> Vec<Sha256> {
        let segments = self.arrays.iter().flat_map(|array| &array.segments);
        let objects: BTreeSet<_> = segments.map(|segment| segment.object).collect();
        objects.into_iter().collect()
    }

    /// How many bytes of array elements the update has.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.arrays.iter().flat_map(|array| &array.segments).map(|segment| segment.length).sum()
    }
}

/// Reads an update's arrays in the order of a schema. Holds no file open between reads, so that the number of clients is
/// not bounded by the number of open files.
pub struct UpdateReader<'a> {
    arrays: Vec<&'a ArrayLayout>,
    area: &'a Area,
}

impl ArrayReader for UpdateReader<'_> {
    fn read_at(&self, array: usize, byte_offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        read_segments(&self.arrays[array].segments, self.area, byte_offset, buffer)
    }
}

/// The concatenation of segments, from front to back.
pub(crate) struct SegmentBytes<'a> {
    segments: &'a [Segment],
    area: &'a Area,
    done: u64,
}

impl<'a> SegmentBytes<'a> {
    pub(crate) fn new(segments: &'a [Segment], area: &'a Area) -> Self {
        Self { segments, area, done: 0 }
    }
}

impl io::Read for SegmentBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let total: u64 = self.segments.iter().map(|segment| segment.length).sum();
        let count = usize::try_from(total - self.done).map_or(buffer.len(), |left| left.min(buffer.len()));
        read_segments(self.segments, self.area, self.done, &mut buffer[..count])?;
        self.done += count as u64;
        Ok(count)
    }
}

/// Fills the buffer from the concatenation of the segments, beginning at `offset`.
fn read_segments(segments: &[Segment], area: &Area, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    let (mut skip, mut filled) = (offset, 0);
    for segment in segments {
        if skip >= segment.length {
            skip -= segment.length;
            continue;
        }
        let count = (buffer.len() - filled).min((segment.length - skip) as usize);
        if count == 0 {
            break;
        }
        let file = File::open(area.path_of(&segment.object))?;
        file.read_exact_at(&mut buffer[filled..filled + count], segment.offset + skip)?;
        (skip, filled) = (0, filled + count);
    }
    if filled == buffer.len() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
