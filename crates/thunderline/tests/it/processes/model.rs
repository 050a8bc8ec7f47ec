//! Models of any arrays, as files that are brought to the server and taken from it.

use std::{collections::BTreeMap, fs::File, path::Path};

use thunderline_numerics::{
    ArraySpec, DType, ModelSchema,
    checkpoint::{CheckpointHeader, CheckpointWriter},
};

/// Arrays of one value each: several, of both widths, of a few hundred kilobytes.
pub struct Uniform(ModelSchema);

impl Uniform {
    /// The arrays.
    pub fn new() -> Self {
        let arrays = vec![
            ArraySpec::new("first.weight", DType::F32, &[300, 400]),
            ArraySpec::new("first.bias", DType::F32, &[40]),
            ArraySpec::new("second.weight", DType::F64, &[7, 11, 300]),
            ArraySpec::new("second.bias", DType::F64, &[1]),
        ];
        Self(ModelSchema::new(arrays).unwrap())
    }

    /// One small array, for messages that are put together by hand.
    pub fn single() -> Self {
        Self(ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[2])]).unwrap())
    }

    /// Writes the arrays, every element being `value`.
    pub fn write(&self, path: &Path, value: f64) {
        let mut writer =
            CheckpointWriter::new(File::create(path).unwrap(), &self.0, &BTreeMap::new()).unwrap();
        for array in self.0.arrays() {
            let element = match array.dtype {
                DType::F32 => (value as f32).to_le_bytes().to_vec(),
                _ => value.to_le_bytes().to_vec(),
            };
            writer.write(&element.repeat(array.elements().unwrap())).unwrap();
        }
        writer.finish().unwrap();
    }

    /// The one value that all elements have.
    ///
    /// # Panics
    /// Where the arrays are others, or their elements differ.
    pub fn read(&self, file: &[u8]) -> f64 {
        let header = CheckpointHeader::read(&mut &file[..]).unwrap();
        assert_eq!(header.schema.arrays(), self.0.arrays());
        let mut values = Vec::new();
        for (array, range) in self.0.arrays().iter().zip(header.ranges()) {
            let bytes = &file[range.start as usize..range.end as usize];
            match array.dtype {
                DType::F32 => values.extend(
                    bytes.chunks(4).map(|four| f64::from(f32::from_le_bytes(four.try_into().unwrap()))),
                ),
                _ => {
                    values.extend(bytes.chunks(8).map(|eight| f64::from_le_bytes(eight.try_into().unwrap())));
                }
            }
        }
        assert!(values.iter().all(|value| *value == values[0]), "the elements differ: {:?}", values.get(..9));
        values[0]
    }
}
