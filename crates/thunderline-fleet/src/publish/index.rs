//! Which bytes of a checkpoint make up which object.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::BufReader,
    ops::Range,
    os::unix::fs::FileExt,
    sync::Arc,
};

use bytes::Bytes;
use thunderline_core::{Result, sha256::Hasher};
use thunderline_flower::{CHUNK_BYTES, Kind, ObjectId, array, object::Header, record, tree::Listed};
use thunderline_numerics::{checkpoint::CheckpointHeader, npy};

use crate::answer::Piece;

const READ: usize = 256 * 1024;

/// A checkpoint's arrays as objects. Holds its file open, so that the model stays available to those who began to download
/// it.
pub(crate) struct ModelIndex {
    file: Arc<File>,
    record: ObjectId,
    elements: u64,
    listed: Vec<Listed>,
    sources: HashMap<ObjectId, Source>,
}

enum Source {
    /// An object that names others.
    Inline(Bytes),
    /// A piece of an array: what precedes its elements, and where they are in the file.
    Chunk { head: Bytes, range: Range<u64> },
}

impl ModelIndex {
    /// Reads a whole checkpoint once and computes all ids. Blocking.
    ///
    /// # Errors
    /// `invalid` where it is no checkpoint or has a type that clients cannot read (`bfloat16`); `internal` where reading
    /// fails.
    pub(crate) fn build(file: File) -> Result<Self> {
        let header = CheckpointHeader::read(&mut BufReader::new(&file))?;
        let mut index = Self {
            file: Arc::new(file),
            record: ObjectId::of(b""),
            elements: header.schema.elements(),
            listed: Vec::new(),
            sources: HashMap::new(),
        };
        let mut seen = HashSet::new();
        let mut names = Vec::with_capacity(header.schema.len());
        for (spec, range) in header.schema.arrays().iter().zip(header.ranges()) {
            let chunks = index.add_chunks(npy::header(spec.dtype, &spec.shape)?, range, &mut seen)?;
            let array = array::Array {
                dtype: spec.dtype.name().into(),
                shape: spec.shape.iter().map(|&axis| axis as u64).collect(),
                stype: array::NUMPY.into(),
                chunks,
            }
            .to_object();
            names.push((spec.name.clone(), index.add_inline(&array, &mut seen)));
        }
        index.record = index.add_inline(&record::names_object(Kind::ArrayRecord, &names), &mut seen);
        Ok(index)
    }

    /// Cuts the `.npy` file that the header and the range stand for.
    fn add_chunks(
        &mut self,
        npy_header: Vec<u8>,
        data: Range<u64>,
        seen: &mut HashSet<ObjectId>,
    ) -> Result<Vec<ObjectId>> {
        let mut chunks = Vec::new();
        let (mut npy_header, mut start) = (npy_header, data.start);
        loop {
            let room = (CHUNK_BYTES - npy_header.len()) as u64;
            let range = start..data.end.min(start + room);
            let body_length = npy_header.len() as u64 + (range.end - range.start);
            let mut head = Header { kind: Kind::ArrayChunk, children: Vec::new(), body_length }.encode();
            head.append(&mut npy_header);
            let id = self.hash(&head, &range)?;
            if seen.insert(id) {
                self.listed.push(Listed { id, children: Vec::new() });
                self.sources.insert(id, Source::Chunk { head: head.into(), range: range.clone() });
            }
            chunks.push(id);
            start = range.end;
            if start == data.end {
                return Ok(chunks);
            }
        }
    }

    fn hash(&self, head: &[u8], range: &Range<u64>) -> Result<ObjectId> {
        let mut hasher = Hasher::new();
        hasher.update(head);
        let mut buffer = vec![0; READ];
        let mut at = range.start;
        while at < range.end {
            let count = READ.min(usize::try_from(range.end - at).unwrap_or(READ));
            self.file.read_exact_at(&mut buffer[..count], at)?;
            hasher.update(&buffer[..count]);
            at += count as u64;
        }
        Ok(ObjectId(hasher.finish()))
    }

    fn add_inline(&mut self, object: &thunderline_flower::Object, seen: &mut HashSet<ObjectId>) -> ObjectId {
        let bytes = object.encode();
        let id = ObjectId::of(&bytes);
        if seen.insert(id) {
            self.listed.push(Listed { id, children: object.children.clone() });
            self.sources.insert(id, Source::Inline(bytes));
        }
        id
    }

    /// The id of the array record.
    pub(crate) fn record(&self) -> ObjectId {
        self.record
    }

    /// How many numbers the arrays have together.
    pub(crate) fn elements(&self) -> u64 {
        self.elements
    }

    /// All objects, children before parents; the last one is the array record.
    pub(crate) fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// An object's bytes.
    pub(crate) fn object(&self, id: &ObjectId) -> Option<Vec<Piece>> {
        Some(match self.sources.get(id)? {
            Source::Inline(bytes) => vec![Piece::Bytes(bytes.clone())],
            Source::Chunk { head, range } => {
                let file = Piece::File { file: self.file.clone(), range: range.clone() };
                vec![Piece::Bytes(head.clone()), file]
            }
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{collections::BTreeMap, io::Write};

    use thunderline_flower::{Object, tree};
    use thunderline_numerics::{ArraySpec, DType, ModelSchema, checkpoint::CheckpointWriter};

    use super::*;
    use crate::{
        answer::{Answer, tests::drain},
        budget::Budget,
    };

    /// A checkpoint file of these arrays, with the given bytes.
    pub(crate) fn checkpoint(arrays: &[(&str, DType, &[usize])], data: &[u8]) -> File {
        let specs = arrays.iter().map(|(name, dtype, shape)| ArraySpec::new(*name, *dtype, shape)).collect();
        let mut file = tempfile::tempfile().unwrap();
        let schema = ModelSchema::new(specs).unwrap();
        let mut writer = CheckpointWriter::new(&mut file, &schema, &BTreeMap::new()).unwrap();
        writer.write(data).unwrap();
        writer.finish().unwrap().flush().unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        file
    }

    async fn bytes(index: &ModelIndex, id: &ObjectId) -> Bytes {
        let answer = Answer::field(1, index.object(id).unwrap());
        let body = Bytes::from(drain(answer.into_body(Budget::new(1 << 20))).await.0);
        // Without the field's key and length.
        let length_bytes = body[1..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        body.slice(1 + length_bytes..)
    }

    #[tokio::test]
    async fn a_small_model_has_the_ids_that_flower_computes() {
        let data: Vec<u8> = [1f32, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        let index = ModelIndex::build(checkpoint(&[("w", DType::F32, &[2, 2])], &data)).unwrap();
        let ids: Vec<_> = index.listed().iter().map(|object| object.id.to_string()).collect();
        assert_eq!(
            ids,
            [
                "0bd55c552a4d962cf4398ecd7b71d1a05377410b9b904603b85f1760b8928530",
                "9a6df3451aa0b992591a9034c8bd92ed282fdd133b06f879662523e78df61e38",
                "b41f787437c019063e90bf05eaf81d7ef181bc0fc5dc11cee0db6f8042a8c21f"
            ]
        );
        assert_eq!(index.record(), index.listed()[2].id);
    }

    #[tokio::test]
    async fn large_equal_and_empty_arrays_are_cut_and_listed_once() {
        let arrays: [(&str, DType, &[usize]); 5] = [
            ("big", DType::U8, &[2 * CHUNK_BYTES + 5]),
            ("same", DType::F32, &[3]),
            ("again", DType::F32, &[3]),
            ("none", DType::F64, &[0]),
            ("scalar", DType::I64, &[]),
        ];
        let mut data: Vec<u8> = (0..2 * CHUNK_BYTES + 5).map(|i| (i / 7) as u8).collect();
        data.extend([9; 12]);
        data.extend([9; 12]);
        data.extend(5i64.to_le_bytes());
        let index = ModelIndex::build(checkpoint(&arrays, &data)).unwrap();
        // 3 + 1 + 1 + 1 chunks, 4 distinct arrays, the record.
        assert_eq!(index.listed().len(), 11);
        for object in index.listed() {
            let bytes = bytes(&index, &object.id).await;
            assert_eq!(ObjectId::of(&bytes), object.id);
            let decoded = Object::decode(&bytes).unwrap();
            assert_eq!(decoded.children, object.children);
            assert!(decoded.kind != Kind::ArrayChunk || decoded.body.len() <= CHUNK_BYTES);
        }
        let record = Object::decode(&bytes(&index, &index.record()).await).unwrap();
        let names = record::names_from_object(Kind::ArrayRecord, &record).unwrap();
        let big = Object::decode(&bytes(&index, &names[0].1).await).unwrap();
        let big = array::Array::from_object(&big).unwrap();
        let mut npy = Vec::new();
        for chunk in &big.chunks {
            npy.extend_from_slice(&Object::decode(&bytes(&index, chunk).await).unwrap().body);
        }
        let header = npy::parse_header(&npy).unwrap();
        assert_eq!(npy[header.data_offset..], data[..2 * CHUNK_BYTES + 5]);
        let tree = tree::build(index.listed(), index.record()).unwrap();
        assert_eq!(tree::read(&tree).unwrap(), index.listed());
    }

    #[test]
    fn what_clients_cannot_read_is_refused() {
        let error = ModelIndex::build(checkpoint(&[("w", DType::BF16, &[1])], &[0, 0])).err().unwrap();
        assert_eq!(error.code(), "invalid");
        assert!(error.to_string().contains("bfloat16"), "{error}");
    }
}
