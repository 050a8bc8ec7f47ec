//! NumPy's `.npz`: a zip archive of `.npy` files, as `numpy.savez` writes it and `numpy.load` reads it.
//!
//! The form in which people hand over initial models and take finished ones home. The order of the archive's entries is
//! the order of the model's arrays.

use std::io::{Read, Seek, Write};

use zip::{CompressionMethod, ZipArchive, ZipWriter, result::ZipError, write::SimpleFileOptions};

use crate::{ArrayReader, ArraySpec, Error, ModelSchema, Result, for_each_piece, malformed, npy};

/// Writes a model as an uncompressed `.npz`, array by array. The same model gives the same bytes at any time.
///
/// # Errors
/// `invalid` for arrays that NumPy does not have (`bfloat16`); `internal` where reading or writing fails.
pub fn write_npz<W: Write + Seek>(out: W, schema: &ModelSchema, arrays: &dyn ArrayReader) -> Result<W> {
    let mut zip = ZipWriter::new(out);
    for (place, spec) in schema.arrays().iter().enumerate() {
        let header = npy::header(spec.dtype, &spec.shape)?;
        let size = schema.array_bytes(place) + header.len() as u64;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default())
            .large_file(size >= u64::from(u32::MAX));
        zip.start_file(format!("{}.npy", spec.name), options).map_err(from_zip)?;
        zip.write_all(&header)?;
        for_each_piece(arrays, schema, place, &mut |_, piece| Ok(zip.write_all(piece)?))?;
    }
    zip.finish().map_err(from_zip)
}

/// An `.npz` whose headers were read and checked, and whose elements were not read yet.
pub struct NpzReader<R> {
    archive: ZipArchive<R>,
    schema: ModelSchema,
}

impl<R: Read + Seek> NpzReader<R> {
    /// Reads the names, types and shapes of all arrays.
    ///
    /// # Errors
    /// `invalid` where this is no `.npz` or holds something that we do not take.
    pub fn open(input: R) -> Result<Self> {
        let mut archive = ZipArchive::new(input).map_err(from_zip)?;
        let mut arrays = Vec::with_capacity(archive.len());
        for place in 0..archive.len() {
            let mut entry = archive.by_index(place).map_err(from_zip)?;
            let file_name = entry.name().map_err(from_zip)?.into_owned();
            let Some(name) = file_name.strip_suffix(".npy").map(str::to_owned) else {
                return Err(malformed(".npz", format!("its entry '{file_name}' is not an array")));
            };
            let header = npy::read_header(&mut entry)
                .and_then(|header| header.expect_total(entry.size()).map(|()| header))
                .map_err(|error| malformed(&format!(".npz: array '{name}'"), error))?;
            arrays.push(ArraySpec { name, dtype: header.dtype, shape: header.shape });
        }
        Ok(Self { archive, schema: ModelSchema::new(arrays)? })
    }

    /// What the archive promises to hold. Look at [`ModelSchema::bytes`] before reading: compressed archives can promise
    /// far more than they weigh.
    #[must_use]
    pub fn schema(&self) -> &ModelSchema {
        &self.schema
    }

    /// Hands over the elements of all arrays in order, in pieces of any length.
    ///
    /// # Errors
    /// `invalid` where an entry is damaged; whatever `out` returns, at once.
    pub fn read(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let mut buffer = vec![0; 1 << 16];
        for place in 0..self.schema.len() {
            let mut entry = self.archive.by_index(place).map_err(from_zip)?;
            npy::read_header(&mut entry)?;
            let mut left = self.schema.array_bytes(place);
            loop {
                // Reading up to the end, not just the promised bytes, is what makes the archive check its sum.
                let read = entry.read(&mut buffer).map_err(|error| malformed(".npz", error))?;
                if read == 0 {
                    break;
                }
                left =
                    left.checked_sub(read as u64).ok_or_else(|| longer(&self.schema.arrays()[place].name))?;
                out(&buffer[..read])?;
            }
            if left > 0 {
                return Err(malformed(".npz", format!("'{}' is cut off", self.schema.arrays()[place].name)));
            }
        }
        Ok(())
    }
}

fn longer(name: &str) -> Error {
    malformed(".npz", format!("'{name}' is longer than its header says"))
}

fn from_zip(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => error.into(),
        other => malformed(".npz", other),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{DType, MemoryArrays};

    fn sample() -> (ModelSchema, MemoryArrays) {
        let schema = ModelSchema::new(vec![
            ArraySpec::new("10", DType::F32, &[2, 3]),
            ArraySpec::new("layers/0.weight", DType::I64, &[]),
            ArraySpec::new("9", DType::Bool, &[0, 4]),
            ArraySpec::new("2", DType::F16, &[5]),
        ])
        .unwrap();
        let bytes = (0..schema.bytes()).map(|byte| byte as u8).collect();
        (schema.clone(), MemoryArrays::new(schema, bytes).unwrap())
    }

    #[test]
    fn a_model_comes_back_in_its_order() {
        let (schema, arrays) = sample();
        let file = write_npz(Cursor::new(Vec::new()), &schema, &arrays).unwrap();
        let mut reader = NpzReader::open(Cursor::new(file.get_ref())).unwrap();
        assert_eq!(reader.schema(), &schema);
        let mut bytes = Vec::new();
        reader
            .read(&mut |piece| {
                bytes.extend_from_slice(piece);
                Ok(())
            })
            .unwrap();
        assert_eq!(bytes, arrays.bytes());
        let again = write_npz(Cursor::new(Vec::new()), &schema, &arrays).unwrap();
        assert_eq!(file.into_inner(), again.into_inner());
    }

    #[test]
    fn a_damaged_archive_is_refused() {
        let (schema, arrays) = sample();
        let sound = write_npz(Cursor::new(Vec::new()), &schema, &arrays).unwrap().into_inner();
        let mut flipped = sound.clone();
        // The first element of the first array: behind the local header (30 bytes and the name) and the .npy header.
        flipped[30 + "10.npy".len() + 128] ^= 1;
        let mut reader = NpzReader::open(Cursor::new(flipped)).unwrap();
        assert_eq!(reader.read(&mut |_| Ok(())).unwrap_err().code(), "invalid");
        assert!(NpzReader::open(Cursor::new(&sound[..sound.len() / 2])).is_err());
        assert!(NpzReader::open(Cursor::new(b"nothing".to_vec())).is_err());
    }
}
