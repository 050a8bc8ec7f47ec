//! Arrays: the JSON body that says which chunks make up an array's data.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use thunderline_core::Result;

use crate::{Kind, Object, ObjectId, json, malformed, object::MAX_CHILDREN};

/// The serialization type whose data is a complete `.npy` file; the only one that strategies read.
pub const NUMPY: &str = "numpy.ndarray";

/// NumPy's own limit on dimensions.
pub const MAX_DIMENSIONS: usize = 64;

/// The body of an [`Kind::Array`] object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrayBody {
    /// The element type in NumPy's words, for example `float32`.
    pub dtype: String,
    /// The length of each dimension; empty for a scalar.
    pub shape: Vec<u64>,
    /// How the data is serialized; see [`NUMPY`].
    pub stype: String,
    /// The data's pieces in order, as indices into the object's children. An index may appear again.
    #[serde(rename = "arraychunk_ids")]
    pub chunks: Vec<u32>,
}

/// An array whose data is stored as chunk objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// The element type in NumPy's words, for example `float32`.
    pub dtype: String,
    /// The length of each dimension; empty for a scalar.
    pub shape: Vec<u64>,
    /// How the data is serialized; see [`NUMPY`].
    pub stype: String,
    /// The chunk objects that make up the data, in order. A chunk may appear again.
    pub chunks: Vec<ObjectId>,
}

impl Array {
    /// The array as an object.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let mut children: Vec<ObjectId> = Vec::new();
        let mut positions = std::collections::HashMap::new();
        let mut chunks = Vec::with_capacity(self.chunks.len());
        for &chunk in &self.chunks {
            let position = *positions.entry(chunk).or_insert_with(|| {
                children.push(chunk);
                children.len() - 1
            });
            chunks.push(u32::try_from(position).expect("2^32 chunks of one array do not fit in memory"));
        }
        let body = ArrayBody {
            dtype: self.dtype.clone(),
            shape: self.shape.clone(),
            stype: self.stype.clone(),
            chunks,
        };
        Object { kind: Kind::Array, children, body: Bytes::from(json::to_bytes(&body)) }
    }

    /// Reads an array object.
    ///
    /// # Errors
    /// `invalid` where it is no array, names a chunk that is not its child, or has too many chunks or dimensions.
    pub fn from_object(object: &Object) -> Result<Self> {
        if object.kind != Kind::Array {
            return Err(malformed("array", format!("it is a {}", object.kind.name()), "Array"));
        }
        let body: ArrayBody = serde_json::from_slice(&object.body).map_err(|error| {
            malformed("array", error.to_string(), "dtype, shape, stype and arraychunk_ids")
        })?;
        if body.shape.len() > MAX_DIMENSIONS {
            return Err(malformed("array.shape", format!("{} dimensions", body.shape.len()), "at most 64"));
        }
        if body.chunks.is_empty() || body.chunks.len() > MAX_CHILDREN {
            return Err(malformed(
                "array.arraychunk_ids",
                format!("{} chunks", body.chunks.len()),
                "1 to 65536",
            ));
        }
        let chunks = body
            .chunks
            .iter()
            .map(|&i| {
                object.children.get(i as usize).copied().ok_or_else(|| {
                    malformed("array.arraychunk_ids", format!("{i} is no child"), "the index of a child")
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self { dtype: body.dtype, shape: body.shape, stype: body.stype, chunks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use thunderline_core::Sha256;

    fn id(text: &str) -> ObjectId {
        text.parse().unwrap()
    }

    #[test]
    fn an_array_has_the_id_that_flower_computes() {
        let chunk = id("0bd55c552a4d962cf4398ecd7b71d1a05377410b9b904603b85f1760b8928530");
        let array =
            Array { dtype: "float32".into(), shape: vec![2, 2], stype: NUMPY.into(), chunks: vec![chunk] };
        let object = array.to_object();
        assert_eq!(object.encode().len(), 160);
        assert_eq!(
            ObjectId::of(&object.encode()),
            id("9a6df3451aa0b992591a9034c8bd92ed282fdd133b06f879662523e78df61e38")
        );
        assert_eq!(Array::from_object(&object).unwrap(), array);
    }

    #[test]
    fn a_repeated_chunk_is_one_child() {
        let [a, b] = [[1; 32], [2; 32]].map(|id| ObjectId(Sha256::from_bytes(id)));
        let array =
            Array { dtype: "int8".into(), shape: vec![], stype: NUMPY.into(), chunks: vec![a, b, b, a] };
        let object = array.to_object();
        assert_eq!(object.children, [a, b]);
        assert!(object.body.ends_with(b"\"arraychunk_ids\": [0, 1, 1, 0]}"));
        assert_eq!(Array::from_object(&object).unwrap(), array);
    }

    #[test]
    fn an_array_that_names_a_missing_chunk_is_refused() {
        let body = br#"{"dtype":"float32","shape":[1],"stype":"numpy.ndarray","arraychunk_ids":[1]}"#;
        let object =
            Object { kind: Kind::Array, children: vec![ObjectId::of(b"x")], body: Bytes::from_static(body) };
        assert!(Array::from_object(&object).unwrap_err().to_string().contains("no child"));
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_never_panic(body: Vec<u8>) {
            let object = Object::leaf(Kind::Array, body);
            prop_assert!(Array::from_object(&object).is_err());
        }
    }
}
