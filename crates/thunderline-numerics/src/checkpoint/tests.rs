use proptest::prelude::*;
use safetensors::{SafeTensors, tensor::TensorView};

use super::*;
use crate::MemoryArrays;

fn raw(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn written(schema: &ModelSchema, data: Vec<u8>) -> Vec<u8> {
    let arrays = MemoryArrays::new(schema.clone(), data).unwrap();
    let metadata = BTreeMap::from([("round".to_owned(), "3".to_owned())]);
    write_checkpoint(Vec::new(), schema, &metadata, &arrays).unwrap()
}

#[test]
fn scalars_empty_arrays_and_numbered_names_keep_their_places() {
    let names = ["10", "2", "b", "a", "9"];
    let shapes: [&[usize]; 5] = [&[], &[0, 3], &[0], &[2, 2], &[0]];
    let arrays = names.iter().zip(shapes).map(|(name, shape)| ArraySpec::new(*name, DType::F32, shape));
    let schema = ModelSchema::new(arrays.collect()).unwrap();
    let data: Vec<u8> = (0..20).collect();
    let bytes = written(&schema, data.clone());
    let header = CheckpointHeader::read(&mut bytes.as_slice()).unwrap();
    assert_eq!(header.schema, schema);
    assert_eq!(header.metadata["round"], "3");
    assert_eq!(header.file_bytes(), bytes.len() as u64);
    assert_eq!(header.data_offset % 8, 0);
    let last = header.ranges()[3].clone();
    assert_eq!(bytes[last.start as usize..last.end as usize], data[4..]);
}

#[test]
fn headers_that_lie_are_refused() {
    let cases = [
        (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "lies at"),
        (r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "lies at"),
        (
            r#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#,
            "lies at",
        ),
        (
            r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
            "two arrays",
        ),
        (r#"{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}}"#, "unsupported type F4"),
        (r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]"#, "EOF"),
    ];
    for (header, why) in cases {
        let error = CheckpointHeader::read(&mut raw(header, &[0; 8]).as_slice()).unwrap_err();
        assert_eq!(error.code(), "invalid");
        assert!(error.to_string().contains(why), "{header}: {error}");
    }
    let long = [u64::MAX.to_le_bytes().to_vec(), vec![b'{']].concat();
    assert!(CheckpointHeader::read(&mut long.as_slice()).is_err());
    assert!(CheckpointHeader::read(&mut [9u8, 0, 0].as_slice()).unwrap_err().to_string().contains("cut off"));
    let reserved = ModelSchema::new(vec![ArraySpec::new(METADATA, DType::U8, &[])]).unwrap();
    assert!(CheckpointWriter::new(Vec::new(), &reserved, &BTreeMap::new()).is_err());
}

#[test]
fn a_writer_counts_its_bytes() {
    let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::U8, &[4])]).unwrap();
    let mut writer = CheckpointWriter::new(Vec::new(), &schema, &BTreeMap::new()).unwrap();
    writer.write(&[1, 2, 3]).unwrap();
    assert!(writer.write(&[4, 5]).is_err());
    let mut writer = CheckpointWriter::new(Vec::new(), &schema, &BTreeMap::new()).unwrap();
    writer.write(&[1, 2, 3]).unwrap();
    assert!(writer.finish().unwrap_err().to_string().contains("1 bytes are missing"));
}

fn schemas() -> impl Strategy<Value = ModelSchema> {
    let array = (proptest::sample::select(DType::ALL.to_vec()), proptest::collection::vec(0usize..5, 0..4));
    proptest::collection::vec(array, 0..8).prop_map(|arrays| {
        let named = arrays.into_iter().enumerate().map(|(place, (dtype, shape))| {
            // Names that sort differently from their places.
            ArraySpec { name: format!("{}-\"ü\"", 97 * (place + 1) % 11), dtype, shape }
        });
        ModelSchema::new(named.collect()).unwrap()
    })
}

proptest! {
    #[test]
    fn the_reference_library_reads_what_we_write(schema in schemas()) {
        let data: Vec<u8> = (0..schema.bytes()).map(|byte| (byte * 7) as u8 & 1).collect();
        let bytes = written(&schema, data.clone());
        let theirs = SafeTensors::deserialize(&bytes).unwrap();
        prop_assert_eq!(theirs.len(), schema.len());
        for (place, spec) in schema.arrays().iter().enumerate() {
            let tensor = theirs.tensor(&spec.name).unwrap();
            let start = schema.array_offset(place) as usize;
            prop_assert_eq!(tensor.shape(), &spec.shape[..]);
            prop_assert_eq!(tensor.data(), &data[start..start + schema.array_bytes(place) as usize]);
        }
        let header = CheckpointHeader::read(&mut bytes.as_slice()).unwrap();
        prop_assert_eq!(header.schema, schema);
    }

    #[test]
    fn we_read_what_the_reference_library_writes(lengths in proptest::collection::vec(0usize..9, 0..6)) {
        let data: Vec<Vec<u8>> = lengths.iter().map(|&length| (0..length as u8 * 4).collect()).collect();
        let views = lengths.iter().zip(&data).enumerate().map(|(place, (&length, bytes))| {
            (place.to_string(), TensorView::new(safetensors::Dtype::F32, vec![length], bytes).unwrap())
        });
        let bytes = safetensors::serialize(views, None).unwrap();
        let header = CheckpointHeader::read(&mut bytes.as_slice()).unwrap();
        prop_assert_eq!(header.schema.len(), lengths.len());
        for (spec, range) in header.schema.arrays().iter().zip(header.ranges()) {
            let place: usize = spec.name.parse().unwrap();
            prop_assert_eq!(&bytes[range.start as usize..range.end as usize], &data[place][..]);
        }
    }

    #[test]
    fn arbitrary_headers_never_panic(text in ".{0,60}") {
        let _ = CheckpointHeader::read(&mut raw(&text, &[]).as_slice());
    }
}
