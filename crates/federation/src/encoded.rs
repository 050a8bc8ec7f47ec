//! An update as it was sent becomes one of plain arrays, which is all that everything else knows: decoded where it is admitted,
//! added to the model that the client began from, and stored beside what was uploaded. Doing it again gives the same object.

use std::io::{self, BufReader, Read, Write};

use thunderline_core::{Error, ErrorKind, Result};
use thunderline_numerics::{
    ArrayReader, ArraySpec, DType, ModelSchema,
    encoding::{Encoding, delta},
};
use thunderline_objects::{Area, Sha256, Writer};

use crate::{
    layout::{ArrayLayout, Segment, SegmentBytes, UpdateLayout},
    spec::UpdateSpec,
};

/// Bytes of a payload that are read at once.
const PIECE: usize = 1 << 18;

/// The arrays of the model that are trained, plain. Arrays that are not trained are left out, whatever was sent of them; others
/// that the model does not have are left in, for the check to refuse. Blocking.
///
/// # Errors
/// `invalid`, naming the array, where a payload does not follow its format; `internal` where the disk fails.
pub(crate) fn plain(
    update: UpdateLayout,
    spec: &UpdateSpec,
    schema: &ModelSchema,
    base: &dyn ArrayReader,
    area: &Area,
) -> Result<UpdateLayout> {
    let mut decoded: Option<Decoded> = None;
    let mut arrays = Vec::with_capacity(update.arrays.len());
    for array in update.arrays {
        let place = schema.position(&array.spec.name);
        let Some(place) = place.filter(|_| !spec.trainable.is_empty() || spec.encoding != Encoding::Full)
        else {
            arrays.push((array, None));
            continue;
        };
        let wanted = &schema.arrays()[place];
        if !spec.trains(&wanted.name) {
            continue;
        }
        if spec.encoding == Encoding::Full || !is_payload(&array, wanted) {
            arrays.push((array, None));
            continue;
        }
        let decoded = match &mut decoded {
            Some(decoded) => decoded,
            none => none.insert(Decoded { file: area.writer()?, length: 0 }),
        };
        let start = decoded.length;
        decoded.add(spec.encoding, wanted, &array, (base, place), area).map_err(|error| {
            match error.kind() {
                ErrorKind::Invalid => {
                    Error::new(ErrorKind::Invalid, format!("array '{}': {error}", wanted.name))
                }
                _ => error,
            }
        })?;
        let range = Some((start, decoded.length - start));
        arrays.push((ArrayLayout { spec: wanted.clone(), segments: Vec::new() }, range));
    }
    let object: Option<Sha256> = match decoded {
        Some(decoded) => Some(decoded.file.finish(None)?.0),
        None => None,
    };
    let arrays = arrays.into_iter().map(|(array, range)| match range.zip(object) {
        Some(((offset, length), object)) => {
            ArrayLayout { segments: vec![Segment { object, offset, length }], ..array }
        }
        None => array,
    });
    Ok(UpdateLayout { arrays: arrays.collect() })
}

/// Whether these bytes stand for an array of floats.
fn is_payload(sent: &ArrayLayout, wanted: &ArraySpec) -> bool {
    wanted.dtype.is_float() && sent.spec.dtype == DType::U8 && sent.spec.shape.len() == 1
}

/// All decoded arrays of an update, one after another in one object.
struct Decoded {
    file: Writer,
    length: u64,
}

impl Decoded {
    fn add(
        &mut self,
        encoding: Encoding,
        wanted: &ArraySpec,
        sent: &ArrayLayout,
        base: (&dyn ArrayReader, usize),
        area: &Area,
    ) -> Result<()> {
        let length = sent.segments.iter().map(|segment| segment.length).sum();
        let bytes = SegmentBytes::new(&sent.segments, area);
        let mut bytes = BufReader::with_capacity(PIECE, bytes);
        // What cannot be read is the server's fault, not the client's.
        let mut failed = None;
        let mut payload = Noting { bytes: &mut bytes, failed: &mut failed };
        let result = delta::restore(encoding, wanted, (&mut payload, length), base, &mut |bytes| {
            self.length += bytes.len() as u64;
            Ok(self.file.write_all(bytes)?)
        });
        match failed {
            Some(error) => Err(Error::internal("an uploaded object cannot be read").caused_by(error)),
            None => result,
        }
    }
}

/// Remembers why reading failed.
struct Noting<'a, R> {
    bytes: &'a mut R,
    failed: &'a mut Option<io::Error>,
}

impl<R: Read> Read for Noting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer).inspect_err(|error| *self.failed = Some(error.kind().into()))
    }
}
