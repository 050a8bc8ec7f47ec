//! Turns a result into Flower's objects. Arrays are described chunk by chunk: their bytes stay in the model's file and are
//! read again when the server asks for them.

use std::collections::HashMap;

use prost::Message as _;
use thunderline_core::{Result, Timestamp};
use thunderline_flower::{
    CHUNK_BYTES, Kind, Object, ObjectId,
    array::{Array, NUMPY},
    record::{self, Metrics},
    tree::{self, Listed},
    wire,
};
use thunderline_numerics::ModelSchema;

use crate::{
    objects::{NpyFiles, Objects, Source},
    task::{Failure, ModelFile},
};

/// A reply, ready to be announced.
pub(crate) struct Reply {
    pub(crate) message: wire::Message,
    pub(crate) tree: wire::ObjectTree,
    pub(crate) objects: Objects,
}

impl Reply {
    /// The id of its message.
    pub(crate) fn id(&self) -> &str {
        &self.tree.object_id
    }
}

/// The reply that carries a result: metrics, and for training the model, in the order of `schema` whatever the order in
/// its file.
pub(crate) fn success(
    request: &wire::Metadata,
    now: Timestamp,
    schema: &ModelSchema,
    model: Option<&ModelFile>,
    metrics: &Metrics,
) -> Result<Reply> {
    let mut builder = Builder::default();
    let mut records = Vec::new();
    let arrays = model.map(|model| NpyFiles::open(model, schema)).transpose()?;
    if let Some(arrays) = &arrays {
        records.push(("arrays".to_owned(), builder.model(arrays)?));
    }
    records.push(("metrics".to_owned(), builder.add(&record::metrics_object(metrics))));
    let content = builder.add(&record::names_object(Kind::RecordDict, &records));
    builder.reply(request, now, Ok(content), arrays)
}

/// The reply that says why there is no result.
pub(crate) fn failure(request: &wire::Metadata, now: Timestamp, failure: &Failure) -> Result<Reply> {
    let error = wire::Error { code: failure.code, reason: failure.reason.chars().take(2000).collect() };
    Builder::default().reply(request, now, Err(error), None)
}

#[derive(Default)]
struct Builder {
    listed: Vec<Listed>,
    sources: HashMap<ObjectId, Source>,
}

impl Builder {
    fn add(&mut self, object: &Object) -> ObjectId {
        let bytes = object.encode();
        let id = ObjectId::of(&bytes);
        self.list(id, &object.children, Source::Whole(bytes));
        id
    }

    /// Equal objects are one object.
    fn list(&mut self, id: ObjectId, children: &[ObjectId], source: Source) {
        if self.sources.insert(id, source).is_none() {
            self.listed.push(Listed { id, children: children.to_vec() });
        }
    }

    fn model(&mut self, files: &NpyFiles) -> Result<ObjectId> {
        let mut names = Vec::with_capacity(files.schema.len());
        for (array, spec) in files.schema.arrays().iter().enumerate() {
            let mut chunks = Vec::new();
            let mut start = 0;
            let total = files.bytes(array);
            while start < total {
                let length = usize::try_from(total - start).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
                let id = ObjectId::of(&files.chunk(array, start, length)?.encode());
                self.list(id, &[], Source::Chunk { array, start, length });
                chunks.push(id);
                start += length as u64;
            }
            let shape = spec.shape.iter().map(|&axis| axis as u64).collect();
            let object =
                Array { dtype: spec.dtype.name().into(), shape, stype: NUMPY.into(), chunks }.to_object();
            names.push((spec.name.clone(), self.add(&object)));
        }
        Ok(self.add(&record::names_object(Kind::ArrayRecord, &names)))
    }

    fn reply(
        mut self,
        request: &wire::Metadata,
        now: Timestamp,
        result: Result<ObjectId, wire::Error>,
        arrays: Option<NpyFiles>,
    ) -> Result<Reply> {
        let metadata = metadata(request, now);
        let children: Vec<ObjectId> = result.iter().copied().collect();
        let error = result.err();
        let body = wire::Message { metadata: Some(metadata.clone()), content: None, error: error.clone() };
        let object = Object { kind: Kind::Message, children, body: body.encode_to_vec().into() };
        let root = self.add(&object);
        let message = wire::Message {
            metadata: Some(wire::Metadata { message_id: root.to_string(), ..metadata }),
            content: error.is_none().then_some(wire::RecordDict {}),
            error,
        };
        let tree = tree::build(&self.listed, root)?;
        Ok(Reply { message, tree, objects: Objects { sources: self.sources, arrays } })
    }
}

/// The way back: sender and receiver swapped, valid for as long as the request still is.
fn metadata(request: &wire::Metadata, now: Timestamp) -> wire::Metadata {
    let created_at = now.as_microsecond() as f64 / 1e6;
    wire::Metadata {
        run_id: request.run_id,
        message_id: String::new(),
        src_node_id: request.dst_node_id,
        dst_node_id: request.src_node_id,
        reply_to_message_id: request.message_id.clone(),
        group_id: request.group_id.clone(),
        ttl: (request.created_at + request.ttl - created_at).max(1.0),
        message_type: request.message_type.clone(),
        created_at,
        src_task_id: None,
        dst_task_id: request.src_task_id,
    }
}

#[cfg(test)]
mod tests;
