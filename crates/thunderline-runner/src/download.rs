//! Pulls a message's objects and lays the model out as a safetensors file, a chunk at a time.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use bytes::Bytes;
use prost::Message as _;
use thunderline_core::{Error, ErrorKind, Result, RunId};
use thunderline_flower::{
    Kind, Object, ObjectId,
    array::{Array, NUMPY},
    record::{self, Config},
    wire,
};
use thunderline_numerics::{
    ArraySpec, DType, ModelSchema,
    checkpoint::CheckpointWriter,
    npy::{header_end, parse_header},
};

use crate::{
    channel::{CallError, CallResult},
    fleet::Fleet,
    key::cannot,
    pairs::two_at_a_time,
    task::ModelFile,
};

/// A message's payload.
pub(crate) struct Payload {
    /// All configuration records, one after another.
    pub(crate) config: Config,
    pub(crate) model: ModelFile,
    /// What the strategy keeps.
    pub(crate) state: Option<ModelFile>,
}

/// The record with what the strategy keeps.
const STATE_RECORD: &str = "state";

/// Pulls everything that belongs to the message; its arrays go to files in the folder. Every object is checked against its id, and
/// the message's object against the metadata that announced it.
pub(crate) fn download(
    fleet: &Fleet,
    run: RunId,
    metadata: &wire::Metadata,
    folder: &Path,
) -> CallResult<Payload> {
    let object = |id: ObjectId| -> CallResult<Object> { Ok(Object::decode(&fleet.pull_object(run, id)?)?) };
    let message = object(metadata.message_id.parse().map_err(CallError::Broken)?)?;
    let content = check_message(&message, metadata)?;
    let mut config = Config::new();
    let (mut arrays, mut state) = (None, None);
    for (name, id) in record::names_from_object(Kind::RecordDict, &object(content)?)? {
        let record = object(id)?;
        match record.kind {
            Kind::ConfigRecord => config.extend(record::config_from_object(&record)?),
            Kind::ArrayRecord => {
                let place = if name == STATE_RECORD { &mut state } else { &mut arrays };
                if place.replace(record::names_from_object(Kind::ArrayRecord, &record)?).is_some() {
                    return Err(bad("the message has two models").into());
                }
            }
            _ => {}
        }
    }
    let arrays = arrays.ok_or_else(|| bad("the message has no model"))?;
    let model = pull_arrays(fleet, run, &arrays, &folder.join("input.safetensors"))?;
    let state =
        state.map(|names| pull_arrays(fleet, run, &names, &folder.join("state.safetensors"))).transpose()?;
    Ok(Payload { config, model, state })
}

fn pull_arrays(
    fleet: &Fleet,
    run: RunId,
    names: &[(String, ObjectId)],
    path: &Path,
) -> CallResult<ModelFile> {
    let mut arrays = Vec::with_capacity(names.len());
    two_at_a_time(
        names,
        |(_, id)| -> CallResult<Object> { Ok(Object::decode(&fleet.pull_object(run, *id)?)?) },
        |(name, _), object| {
            let array = Array::from_object(&object)?;
            arrays.push((spec(name, &array)?, array.chunks));
            Ok(())
        },
    )?;
    lay_out(fleet, run, &arrays, path)?;
    Ok(ModelFile::open(path)?)
}

/// The content of the message's object, which must say what was announced.
fn check_message(object: &Object, announced: &wire::Metadata) -> Result<ObjectId> {
    if object.kind != Kind::Message {
        return Err(bad(format!("the message is a {}", object.kind.name())));
    }
    let body = wire::Message::decode(object.body.clone()).map_err(|error| bad(error.to_string()))?;
    let inside =
        body.metadata.map(|inside| wire::Metadata { message_id: announced.message_id.clone(), ..inside });
    if inside.as_ref() != Some(announced) {
        return Err(bad("the message differs from what was announced"));
    }
    match object.children.as_slice() {
        [content] => Ok(*content),
        _ => Err(bad("the message has no content")),
    }
}

fn spec(name: &str, array: &Array) -> Result<ArraySpec> {
    if array.stype != NUMPY {
        return Err(bad(format!("array '{name}' is serialized as {}", array.stype)));
    }
    let dtype = DType::from_name(&array.dtype)
        .ok_or_else(|| bad(format!("array '{name}' has the unknown type {}", array.dtype)))?;
    let shape = array.shape.iter().map(|&axis| usize::try_from(axis)).collect::<Result<Vec<_>, _>>();
    let shape = shape.map_err(|_| bad(format!("array '{name}' is too large")))?;
    Ok(ArraySpec::new(name, dtype, &shape))
}

/// Pulls all chunks, two at a time, across the borders of arrays: models of many small arrays are as quick as others.
fn lay_out(fleet: &Fleet, run: RunId, arrays: &[(ArraySpec, Vec<ObjectId>)], path: &Path) -> CallResult<()> {
    let schema = ModelSchema::new(arrays.iter().map(|(spec, _)| spec.clone()).collect())?;
    let chunks: Vec<(usize, ObjectId)> = arrays
        .iter()
        .enumerate()
        .flat_map(|(place, (_, chunks))| chunks.iter().map(move |&chunk| (place, chunk)))
        .collect();
    let file = File::create(path).map_err(|error| cannot("write", path, error))?;
    let mut writer = CheckpointWriter::new(BufWriter::new(file), &schema, &BTreeMap::new())?;
    let mut decoder: Option<ArrayDecoder<'_>> = None;
    two_at_a_time(
        &chunks,
        |(_, id)| -> CallResult<Bytes> {
            Ok(Object::decode_as(Kind::ArrayChunk, &fleet.pull_object(run, *id)?)?.body)
        },
        |(place, _), bytes| {
            let spec = &arrays[*place].0;
            if decoder.as_ref().is_none_or(|decoder| decoder.place != *place) {
                decoder.take().map_or(Ok(()), ArrayDecoder::finish)?;
                decoder = Some(ArrayDecoder { place: *place, spec, beginning: Vec::new(), left: None });
            }
            let decoder = decoder.as_mut().expect("it was just made");
            Ok(decoder.feed(&bytes, &mut writer)?)
        },
    )?;
    decoder.map_or(Ok(()), ArrayDecoder::finish)?;
    writer.finish()?;
    Ok(())
}

/// Strips the `.npy` header from an array's chunks, which may be cut anywhere.
struct ArrayDecoder<'a> {
    place: usize,
    spec: &'a ArraySpec,
    /// What came while the header is incomplete.
    beginning: Vec<u8>,
    /// Bytes of elements that are still to come, once the header was read.
    left: Option<u64>,
}

impl ArrayDecoder<'_> {
    fn feed<W: Write>(&mut self, bytes: &[u8], out: &mut CheckpointWriter<W>) -> Result<()> {
        if self.left.is_some() {
            return self.pass_on(bytes, out);
        }
        self.beginning.extend_from_slice(bytes);
        let Some(end) = header_end(&self.beginning)?.filter(|&end| end <= self.beginning.len()) else {
            return Ok(());
        };
        let header = parse_header(&self.beginning)?;
        if (header.dtype, &header.shape) != (self.spec.dtype, &self.spec.shape) {
            let why = format!("array {} holds {}{:?}", self.spec, header.dtype, header.shape);
            return Err(bad(why));
        }
        self.left = self.spec.bytes();
        let beginning = std::mem::take(&mut self.beginning);
        self.pass_on(&beginning[end..], out)
    }

    fn pass_on<W: Write>(&mut self, bytes: &[u8], out: &mut CheckpointWriter<W>) -> Result<()> {
        let left = self.left.and_then(|left| left.checked_sub(bytes.len() as u64));
        self.left = Some(left.ok_or_else(|| bad(format!("array {} is longer than its shape", self.spec)))?);
        out.write(bytes)
    }

    fn finish(self) -> Result<()> {
        match self.left {
            Some(0) => Ok(()),
            _ => Err(bad(format!("array {} is shorter than its shape", self.spec))),
        }
    }
}

fn bad(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, why)
}

#[cfg(test)]
mod tests {
    use thunderline_numerics::npy;

    use super::*;

    fn decode(spec: &ArraySpec, file: &[u8], cut: usize) -> Result<Vec<u8>> {
        let schema = ModelSchema::new(vec![spec.clone()]).unwrap();
        let mut writer = CheckpointWriter::new(Vec::new(), &schema, &BTreeMap::new()).unwrap();
        let mut decoder = ArrayDecoder { place: 0, spec, beginning: Vec::new(), left: None };
        for piece in file.chunks(cut) {
            decoder.feed(piece, &mut writer)?;
        }
        decoder.finish()?;
        writer.finish().map(|bytes| bytes[bytes.len() - spec.bytes().unwrap() as usize..].to_vec())
    }

    #[test]
    fn an_array_may_be_cut_anywhere() {
        let spec = ArraySpec::new("w", DType::F32, &[5]);
        let data: Vec<u8> = (0..20).collect();
        let file = [npy::header(DType::F32, &[5]).unwrap(), data.clone()].concat();
        for cut in [1, 7, 128, 129, 1000] {
            assert_eq!(decode(&spec, &file, cut).unwrap(), data, "{cut}");
        }
        let empty = ArraySpec::new("e", DType::U8, &[0]);
        assert_eq!(decode(&empty, &npy::header(DType::U8, &[0]).unwrap(), 64).unwrap(), Vec::<u8>::new());
    }

    #[test]
    fn an_array_that_is_not_what_it_says_is_refused() {
        let spec = ArraySpec::new("w", DType::F32, &[5]);
        let header = npy::header(DType::F32, &[5]).unwrap();
        let cases = [
            ([header.clone(), vec![0; 19]].concat(), "shorter"),
            ([header.clone(), vec![0; 21]].concat(), "longer"),
            (header[..50].to_vec(), "shorter"),
            (npy::header(DType::F32, &[4]).unwrap(), "holds float32[4]"),
            (b"PK".to_vec(), "NUMPY"),
        ];
        for (file, why) in cases {
            let error = decode(&spec, &file, 64).unwrap_err();
            assert!(error.to_string().contains(why), "{why}: {error}");
        }
    }
}
