//! Checkpoints: the safetensors format, written as a stream.
//!
//! Eight bytes of header length, a JSON header, the arrays without gaps. The header is known from the schema before the
//! first element is, so a model of any size passes through in pieces. Arrays lie in schema order and the header lists them
//! in schema order; a reader sorts by offset (stable), so the order comes back even where arrays are empty.

use std::{
    collections::BTreeMap,
    fmt,
    io::{Read, Write},
    ops::Range,
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value, json};

use crate::{ArrayReader, ArraySpec, DType, Error, ModelSchema, Result, for_each_piece, malformed};

/// The header's name for the string map beside the arrays; no array may have it.
const METADATA: &str = "__metadata__";
/// What the format's own library accepts.
const MAX_HEADER: u64 = 100_000_000;

/// Writes a checkpoint from front to back.
pub struct CheckpointWriter<W> {
    out: W,
    left: u64,
}

impl<W: Write> CheckpointWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// `invalid` where an array has the reserved name `__metadata__`; `internal` where writing fails.
    pub fn new(mut out: W, schema: &ModelSchema, metadata: &BTreeMap<String, String>) -> Result<Self> {
        out.write_all(&header_bytes(schema, metadata)?)?;
        Ok(Self { out, left: schema.bytes() })
    }

    /// Writes the next bytes of the arrays, which follow each other in schema order; the pieces need not end where arrays
    /// end.
    ///
    /// # Errors
    /// `invalid` where the schema promises fewer bytes; `internal` where writing fails.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| malformed("checkpoint", "there are more bytes than its schema promises"))?;
        Ok(self.out.write_all(bytes)?)
    }

    /// Ends the checkpoint and gives back what it was written to.
    ///
    /// # Errors
    /// `invalid` where bytes are missing; `internal` where flushing fails.
    pub fn finish(mut self) -> Result<W> {
        if self.left > 0 {
            return Err(malformed("checkpoint", format!("{} bytes are missing at its end", self.left)));
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Writes a whole model, a piece at a time.
///
/// # Errors
/// As [`CheckpointWriter`]; `internal` where reading fails.
pub fn write_checkpoint<W: Write>(
    out: W,
    schema: &ModelSchema,
    metadata: &BTreeMap<String, String>,
    arrays: &dyn ArrayReader,
) -> Result<W> {
    let mut writer = CheckpointWriter::new(out, schema, metadata)?;
    for place in 0..schema.len() {
        for_each_piece(arrays, schema, place, &mut |_, piece| writer.write(piece))?;
    }
    writer.finish()
}

fn header_bytes(schema: &ModelSchema, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert(METADATA.into(), json!(metadata));
    }
    for (place, spec) in schema.arrays().iter().enumerate() {
        if spec.name == METADATA {
            return Err(malformed("checkpoint", format!("no array can be named {METADATA}")));
        }
        let start = schema.array_offset(place);
        let entry = json!({
            "dtype": spec.dtype.safetensors_name(),
            "shape": spec.shape,
            "data_offsets": [start, start + schema.array_bytes(place)],
        });
        header.insert(spec.name.clone(), entry);
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut text);
    Ok(bytes)
}

/// What a checkpoint's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointHeader {
    /// The arrays, in the order in which their elements lie.
    pub schema: ModelSchema,
    /// Free strings: where the model comes from.
    pub metadata: BTreeMap<String, String>,
    /// Where the elements begin in the file.
    pub data_offset: u64,
}

impl CheckpointHeader {
    /// Reads a header from a stream, which afterwards stands at the first element.
    ///
    /// # Errors
    /// `invalid` where this is no checkpoint, arrays overlap, leave gaps or do not fit their shapes; `internal` where the
    /// stream fails.
    pub fn read(input: &mut impl Read) -> Result<Self> {
        let mut length = [0; 8];
        input.read_exact(&mut length).map_err(cut_off)?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER {
            return Err(malformed("checkpoint", format!("its header is {length} bytes long")));
        }
        let mut text = Vec::new();
        input.take(length).read_to_end(&mut text)?;
        if (text.len() as u64) < length {
            return Err(malformed("checkpoint", "its header is cut off"));
        }
        let Entries { metadata, mut arrays } =
            serde_json::from_slice(&text).map_err(|error| malformed("checkpoint", error))?;
        arrays.sort_by_key(|(_, entry)| entry.data_offsets);
        let schema = arrays.iter().map(|(name, entry)| entry.spec(name)).collect::<Result<Vec<_>>>()?;
        let schema = ModelSchema::new(schema)?;
        for (place, (name, entry)) in arrays.iter().enumerate() {
            let start = schema.array_offset(place);
            if entry.data_offsets != (start, start + schema.array_bytes(place)) {
                let why = format!("array '{name}' lies at {:?}, not at byte {start}", entry.data_offsets);
                return Err(malformed("checkpoint", why));
            }
        }
        Ok(Self { schema, metadata, data_offset: 8 + length })
    }

    /// Where each array's bytes lie in the file, in schema order.
    #[must_use]
    pub fn ranges(&self) -> Vec<Range<u64>> {
        (0..self.schema.len())
            .map(|place| {
                let start = self.data_offset + self.schema.array_offset(place);
                start..start + self.schema.array_bytes(place)
            })
            .collect()
    }

    /// The length of the whole file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.data_offset + self.schema.bytes()
    }
}

fn cut_off(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => malformed("checkpoint", "its header is cut off"),
        _ => error.into(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

impl Entry {
    fn spec(&self, name: &str) -> Result<ArraySpec> {
        let dtype = DType::from_safetensors_name(&self.dtype).ok_or_else(|| {
            malformed("checkpoint", format!("array '{name}' has the unsupported type {}", self.dtype))
        })?;
        Ok(ArraySpec { name: name.into(), dtype, shape: self.shape.clone() })
    }
}

/// The header's entries in the order of the text; repeated names are kept, for the schema to refuse.
struct Entries {
    metadata: BTreeMap<String, String>,
    arrays: Vec<(String, Entry)>,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Entries;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a safetensors header")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Entries { metadata: BTreeMap::new(), arrays: Vec::new() };
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        entries.metadata = map.next_value()?;
                    } else {
                        entries.arrays.push((name, map.next_value()?));
                    }
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests;
