//! What is sent to the server, object by object: read again when the server asks for it, and never whole in memory where it is a
//! model.

use std::{collections::HashMap, fs::File};

use bytes::Bytes;
use thunderline_core::{Error, Result};
use thunderline_flower::{Kind, Object, ObjectId, object::Header};
use thunderline_numerics::{ArrayReader, FileArrays, ModelSchema, npy};

use crate::{
    channel::{CallError, CallResult},
    key::cannot,
    pieces::Missing,
    task::ModelFile,
};

/// Objects by their ids.
pub(crate) struct Objects {
    pub(crate) sources: HashMap<ObjectId, Source>,
    pub(crate) arrays: Option<NpyFiles>,
}

pub(crate) enum Source {
    /// The object's bytes.
    Whole(Bytes),
    /// A part of an array as a `.npy` file.
    Chunk { array: usize, start: u64, length: usize },
}

impl Objects {
    /// One object, and its id.
    pub(crate) fn one(bytes: Bytes) -> (Self, ObjectId) {
        let id = ObjectId::of(&bytes);
        (Self { sources: HashMap::from([(id, Source::Whole(bytes))]), arrays: None }, id)
    }

    /// The bytes of one of the objects; `None` for an id that is not among them.
    pub(crate) fn get(&self, id: &ObjectId) -> Result<Option<Bytes>> {
        Ok(match (self.sources.get(id), &self.arrays) {
            (Some(Source::Whole(bytes)), _) => Some(bytes.clone()),
            (Some(Source::Chunk { array, start, length }), Some(arrays)) => {
                Some(arrays.chunk(*array, *start, *length)?.encode())
            }
            _ => None,
        })
    }

    /// The length of one of the objects in bytes.
    fn length(&self, id: &ObjectId) -> Option<u64> {
        self.sources.get(id).map(|source| match source {
            Source::Whole(bytes) => bytes.len() as u64,
            Source::Chunk { length, .. } => {
                let body_length = *length as u64;
                let header = Header { kind: Kind::ArrayChunk, children: Vec::new(), body_length };
                header.encode().len() as u64 + body_length
            }
        })
    }

    /// The length of all objects in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.sources.keys().filter_map(|id| self.length(id)).sum()
    }

    /// These objects, of which the server has nothing yet.
    pub(crate) fn missing(&self, wanted: &[ObjectId]) -> CallResult<Vec<Missing>> {
        let object = |id: &ObjectId| {
            let length = self.length(id);
            let length = length.ok_or_else(|| CallError::Refused(format!("{id} is no object to be sent")))?;
            Ok(Missing { id: *id, length, offset: 0 })
        };
        wanted.iter().map(object).collect()
    }
}

/// A model's arrays as if each were a `.npy` file.
pub(crate) struct NpyFiles {
    pub(crate) schema: ModelSchema,
    headers: Vec<Vec<u8>>,
    elements: FileArrays,
}

impl NpyFiles {
    /// The model's arrays in the order of `schema`, which has the same arrays.
    pub(crate) fn open(model: &ModelFile, schema: &ModelSchema) -> Result<Self> {
        let ranges = model.header.ranges();
        let missing = |name: &str| Error::internal(format!("the model has no array '{name}'"));
        let ranges = schema
            .arrays()
            .iter()
            .map(|spec| {
                let place = model.schema().position(&spec.name).ok_or_else(|| missing(&spec.name))?;
                Ok(ranges[place].clone())
            })
            .collect::<Result<Vec<_>>>()?;
        let headers = schema.arrays().iter().map(|spec| npy::header(spec.dtype, &spec.shape));
        let headers = headers.collect::<Result<Vec<_>>>()?;
        let file = File::open(&model.path).map_err(|error| cannot("read", &model.path, error))?;
        Ok(Self { schema: schema.clone(), headers, elements: FileArrays::new(file, ranges) })
    }

    pub(crate) fn bytes(&self, array: usize) -> u64 {
        self.headers[array].len() as u64 + self.schema.array_bytes(array)
    }

    pub(crate) fn chunk(&self, array: usize, start: u64, length: usize) -> Result<Object> {
        let header = &self.headers[array];
        let mut bytes = Vec::with_capacity(length);
        if let Some(rest) = usize::try_from(start).ok().and_then(|start| header.get(start..)) {
            bytes.extend_from_slice(&rest[..rest.len().min(length)]);
        }
        let offset = (start + bytes.len() as u64) - header.len() as u64;
        let from_header = bytes.len();
        bytes.resize(length, 0);
        self.elements.read_at(array, offset, &mut bytes[from_header..])?;
        Ok(Object::leaf(Kind::ArrayChunk, bytes))
    }
}
