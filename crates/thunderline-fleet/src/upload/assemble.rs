//! Reading a reply's stored objects: where the arrays' elements are, and what was measured.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
};

use bytes::Bytes;
use federation::{
    layout::{ArrayLayout, Segment, UpdateLayout},
    task,
};
use thunderline_core::{Error, ErrorKind, NodeId, Result};
use thunderline_flower::{
    Kind, Object, ObjectId,
    array::{Array, NUMPY},
    object::Header,
    record,
};
use thunderline_numerics::{ArraySpec, DType, npy};
use thunderline_objects::Area;

use super::{Announced, receive::digest};

/// Everything but chunks is read whole: a record of 100 000 arrays has 14 MB.
const MAX_OBJECT: u64 = 16 * 1024 * 1024;
/// More than any header of a `.npy` file that is taken.
const MAX_PREFIX: usize = 80 * 1024;

/// Reads a reply whose objects are all stored. Blocking; reads headers only, no elements.
///
/// # Errors
/// `invalid` where the reply does not hold together; `internal` where the disk fails.
pub(crate) fn read(area: &Area, announced: &Announced, node: NodeId) -> Result<task::Reply> {
    let root = object(area, &announced.reply.id)?;
    let Some(content) = announced.reply.check_object(node, &root)? else {
        let error = announced.reply.error.as_ref();
        let error = error.map(|error| format!("code {}: {}", error.code, error.reason));
        return Ok(task::Reply { error, ..task::Reply::default() });
    };
    let mut reply = task::Reply { wire_bytes: wire_bytes(area, announced)?, ..task::Reply::default() };
    let (mut array_records, mut metric_records) = (0, 0);
    for (_, id) in record::names_from_object(Kind::RecordDict, &object(area, &content)?)? {
        let record = object(area, &id)?;
        match record.kind {
            Kind::ArrayRecord => {
                array_records += 1;
                reply.update = Some(update(area, &record)?);
            }
            Kind::MetricRecord => {
                metric_records += 1;
                reply.metrics = metrics(&record)?;
            }
            Kind::ConfigRecord => {}
            other => return Err(invalid(format!("a {} is no record", other.name()))),
        }
    }
    if array_records > 1 || metric_records > 1 {
        return Err(invalid("the reply has more than one record of arrays, or of metrics"));
    }
    Ok(reply)
}

/// What the reply's objects have together. Those that another client sent before are counted again: without it, they would have
/// been sent.
fn wire_bytes(area: &Area, announced: &Announced) -> Result<u64> {
    let lengths = announced.objects.iter().map(|id| Ok(open(area, id)?.metadata()?.len()));
    lengths.sum()
}

/// Single numbers only: lists have no meaning that is agreed upon.
fn metrics(record: &Object) -> Result<BTreeMap<String, f64>> {
    let metrics = record::metrics_from_object(record)?;
    Ok(metrics.into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect())
}

fn update(area: &Area, record: &Object) -> Result<UpdateLayout> {
    let names = record::names_from_object(Kind::ArrayRecord, record)?;
    let arrays = names.into_iter().map(|(name, id)| {
        let layout =
            object(area, &id).and_then(|object| array(area, name.clone(), &Array::from_object(&object)?));
        layout.map_err(|error| match error.kind() {
            ErrorKind::Invalid => invalid(format!("array '{name}': {error}")),
            _ => error,
        })
    });
    Ok(UpdateLayout { arrays: arrays.collect::<Result<_>>()? })
}

fn array(area: &Area, name: String, array: &Array) -> Result<ArrayLayout> {
    if array.stype != NUMPY {
        let found = array.stype.escape_debug();
        return Err(invalid(format!("it is serialized as '{found}', not as '{NUMPY}'")));
    }
    let mut segments = array.chunks.iter().map(|id| segment(area, id)).collect::<Result<Vec<_>>>()?;
    let header = npy::parse_header(&prefix(area, &segments)?)?;
    header.expect_total(segments.iter().map(|segment| segment.length).sum())?;
    let shape: Vec<u64> = header.shape.iter().map(|&axis| axis as u64).collect();
    if DType::from_name(&array.dtype) != Some(header.dtype) || array.shape != shape {
        return Err(invalid("its description differs from its data"));
    }
    skip(&mut segments, header.data_offset as u64);
    Ok(ArrayLayout { spec: ArraySpec { name, dtype: header.dtype, shape: header.shape }, segments })
}

/// Where a chunk's data is in its object.
fn segment(area: &Area, id: &ObjectId) -> Result<Segment> {
    // A chunk has no children, so its header is short: a kind, two spaces, a length, a NUL.
    let mut head = Vec::with_capacity(64);
    let file = open(area, id)?;
    let length = file.metadata()?.len();
    file.take(64).read_to_end(&mut head)?;
    let (header, offset) = Header::decode(&head)?;
    if header.kind != Kind::ArrayChunk || !header.children.is_empty() {
        return Err(invalid(format!("{id} is no chunk of an array")));
    }
    if (offset as u64).checked_add(header.body_length) != Some(length) {
        return Err(invalid(format!("chunk {id} has another length than it says")));
    }
    Ok(Segment { object: digest(id), offset: offset as u64, length: header.body_length })
}

/// The first bytes of the segments' concatenation.
fn prefix(area: &Area, segments: &[Segment]) -> Result<Vec<u8>> {
    let mut prefix = Vec::new();
    for segment in segments {
        let room = MAX_PREFIX - prefix.len();
        if room == 0 {
            break;
        }
        let mut file = area.open(&segment.object)?;
        file.seek(SeekFrom::Start(segment.offset))?;
        file.take(segment.length.min(room as u64)).read_to_end(&mut prefix)?;
    }
    Ok(prefix)
}

/// Leaves out the first `bytes` of the segments' concatenation.
fn skip(segments: &mut Vec<Segment>, mut bytes: u64) {
    for segment in segments.iter_mut() {
        let skipped = bytes.min(segment.length);
        segment.offset += skipped;
        segment.length -= skipped;
        bytes -= skipped;
    }
    segments.retain(|segment| segment.length > 0);
}

pub(super) fn object(area: &Area, id: &ObjectId) -> Result<Object> {
    let mut bytes = Vec::new();
    open(area, id)?.take(MAX_OBJECT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_OBJECT {
        return Err(invalid(format!("{id} is too large to describe anything")));
    }
    Object::decode(&Bytes::from(bytes))
}

fn open(area: &Area, id: &ObjectId) -> Result<File> {
    area.open(&digest(id)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => invalid(format!("{id} was not announced, and is not there")),
        _ => error,
    })
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, reason)
}

#[cfg(test)]
mod tests;
