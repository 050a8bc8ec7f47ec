//! What is kept of an upload, and what is refused.

use std::{collections::BTreeMap, io::Cursor};

use axum::body::Body;
use thunderline_numerics::{
    ArraySpec, DType, MemoryArrays, ModelSchema,
    checkpoint::{CheckpointHeader, write_checkpoint},
    npz,
};
use thunderline_objects::Objects;

use super::*;
use crate::download;

fn area() -> (tempfile::TempDir, Area) {
    let folder = tempfile::tempdir().unwrap();
    let area = Objects::open(folder.path()).unwrap().checkpoints().unwrap();
    (folder, area)
}

fn model() -> Vec<u8> {
    let schema = ModelSchema::new(vec![
        ArraySpec::new("z.weight", DType::F32, &[2, 3]),
        ArraySpec::new("a.bias", DType::F32, &[3]),
    ])
    .unwrap();
    let bytes = (0..schema.bytes()).map(|byte| byte as u8).collect();
    let arrays = MemoryArrays::new(schema.clone(), bytes).unwrap();
    npz::write_npz(Cursor::new(Vec::new()), &schema, &arrays).unwrap().into_inner()
}

#[tokio::test]
async fn an_npz_is_kept_as_safetensors_in_its_order_and_can_be_had_back() {
    let (_folder, area) = area();
    let import = store(area.clone(), ArtifactKind::Model, None, Body::from(model()), 1 << 20).await.unwrap();
    assert_eq!((import.format.as_str(), &import.metadata["parameters"]), ("safetensors", &9.into()));
    let header = CheckpointHeader::read(&mut area.open(&import.sha256).unwrap()).unwrap();
    assert_eq!(header.schema.arrays()[0].name, "z.weight");
    let mut again = Vec::new();
    std::io::copy(&mut download::as_npz(&area, &import.sha256).unwrap(), &mut again).unwrap();
    assert_eq!(again, model());
    // The kept form brought again is the same blob.
    let kept = std::fs::read(area.path_of(&import.sha256)).unwrap();
    let second =
        store(area, ArtifactKind::Model, Some("mine".into()), Body::from(kept), 1 << 20).await.unwrap();
    assert_eq!((second.sha256, second.name.as_str()), (import.sha256, "mine"));
}

#[tokio::test]
async fn a_damaged_checkpoint_is_not_converted() {
    let (_folder, area) = area();
    let import = store(area.clone(), ArtifactKind::Model, None, Body::from(model()), 1 << 20).await.unwrap();
    let blob = area.path_of(&import.sha256);
    let mut bytes = std::fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::remove_file(&blob).unwrap();
    std::fs::write(&blob, bytes).unwrap();
    assert_eq!(download::as_npz(&area, &import.sha256).unwrap_err().code(), "conflict");
}

#[tokio::test]
async fn a_model_with_a_nan_or_without_arrays_is_refused_with_the_arrays_name() {
    let (_folder, area) = area();
    let schema = ModelSchema::new(vec![
        ArraySpec::new("first", DType::U8, &[3]),
        ArraySpec::new("bad one", DType::F32, &[2]),
    ])
    .unwrap();
    let mut bytes = vec![0; 7];
    bytes.extend(f32::NAN.to_le_bytes());
    let arrays = MemoryArrays::new(schema.clone(), bytes).unwrap();
    let npz = npz::write_npz(Cursor::new(Vec::new()), &schema, &arrays).unwrap().into_inner();
    let safetensors = write_checkpoint(Vec::new(), &schema, &BTreeMap::new(), &arrays).unwrap();
    for body in [npz, safetensors] {
        let refused =
            store(area.clone(), ArtifactKind::Model, None, Body::from(body), 1 << 20).await.unwrap_err();
        assert!(refused.to_string().contains("'bad one' has a NaN or an infinity at element 1"), "{refused}");
    }
    let none = ModelSchema::new(vec![]).unwrap();
    let arrays = MemoryArrays::new(none.clone(), vec![]).unwrap();
    let npz = npz::write_npz(Cursor::new(Vec::new()), &none, &arrays).unwrap().into_inner();
    let safetensors = write_checkpoint(Vec::new(), &none, &BTreeMap::new(), &arrays).unwrap();
    for body in [npz, safetensors] {
        let refused =
            store(area.clone(), ArtifactKind::Model, None, Body::from(body), 1 << 20).await.unwrap_err();
        assert!(refused.to_string().contains("no arrays"), "{refused}");
    }
    assert_eq!(std::fs::read_dir(area.folder()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_too_long_or_not_what_it_says_is_refused_and_leaves_nothing() {
    let (folder, area) = area();
    let cases = [
        (ArtifactKind::Dataset, "1,2,0\n".repeat(100), 100, "too_large"),
        (ArtifactKind::Dataset, "1,x,0\n".to_owned(), 100, "invalid"),
        (ArtifactKind::Bundle, "no zip".to_owned(), 100, "invalid"),
        (ArtifactKind::Model, "garbage that is no model".to_owned(), 100, "invalid"),
        (ArtifactKind::Model, String::new(), 100, "invalid"),
        (ArtifactKind::Model, "PK but no archive".to_owned(), 100, "invalid"),
    ];
    for (kind, text, largest, code) in cases {
        let refused = store(area.clone(), kind, None, Body::from(text.clone()), largest).await.unwrap_err();
        assert_eq!(refused.code(), code, "{text}: {refused}");
    }
    let incoming = std::fs::read_dir(folder.path().join("incoming")).unwrap().count();
    let kept = std::fs::read_dir(area.folder()).unwrap().count();
    assert_eq!((incoming, kept), (0, 0));
}
