//! Models: safetensors or NumPy's `.npz`, kept as our ordered safetensors.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, BufWriter, Read, Seek},
};

use federation::{actions::import_artifact::Import, artifact::ArtifactKind};
use serde_json::json;
use thunderline_core::{Error, ErrorKind, Result};
use thunderline_numerics::{
    ArrayReader, FileArrays, ModelSchema,
    checkpoint::{CheckpointHeader, CheckpointWriter, write_checkpoint},
    finite, for_each_piece,
    npz::NpzReader,
};
use thunderline_objects::{Area, Sha256};

/// The first bytes of a zip archive, hence of an `.npz`.
const ZIP: &[u8] = b"PK";

/// Reads the model, whichever of both forms it has, and keeps it.
pub fn keep(area: &Area, mut file: File, largest: u64) -> Result<Import> {
    let mut magic = [0; 2];
    let short = file.read_exact(&mut magic).is_err();
    file.rewind()?;
    if short {
        return Err(Error::invalid_value("body", "there is no model in it", "a safetensors or .npz file"));
    }
    let is_npz = magic == ZIP;
    let (schema, (sha256, size_bytes)) =
        if is_npz { from_npz(area, file, largest)? } else { from_safetensors(area, file)? };
    Ok(Import {
        kind: ArtifactKind::Model,
        name: "model".to_owned(),
        sha256,
        size_bytes,
        format: "safetensors".to_owned(),
        metadata: json!({
            "uploaded_as": if is_npz { "npz" } else { "safetensors" },
            "arrays": schema.len(),
            "parameters": schema.elements(),
        }),
    })
}

fn from_npz(area: &Area, file: File, largest: u64) -> Result<(ModelSchema, (Sha256, u64))> {
    let mut npz = NpzReader::open(BufReader::new(file))?;
    let schema = npz.schema().clone();
    some_arrays(&schema)?;
    // A compressed archive can promise far more than it weighs.
    if schema.bytes() > largest {
        let message =
            format!("the model's arrays have {} bytes; at most {largest} are taken", schema.bytes());
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    // Uncompressed first: its elements can then be looked at before anything is kept.
    let spooled = BufWriter::with_capacity(1 << 18, tempfile::tempfile_in(area.folder())?);
    let mut writer = CheckpointWriter::new(spooled, &schema, &BTreeMap::new())?;
    npz.read(&mut |piece| writer.write(piece))?;
    let mut file = writer.finish()?.into_inner().map_err(|error| Error::from(error.into_error()))?;
    file.rewind()?;
    from_safetensors(area, file)
}

fn from_safetensors(area: &Area, mut file: File) -> Result<(ModelSchema, (Sha256, u64))> {
    let length = file.metadata()?.len();
    let header = CheckpointHeader::read(&mut BufReader::new(&mut file))?;
    if header.file_bytes() != length {
        let message = format!("a checkpoint of {length} bytes whose header promises {}", header.file_bytes());
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    some_arrays(&header.schema)?;
    let arrays = FileArrays::new(file, header.ranges());
    all_finite(&header.schema, &arrays)?;
    let writer = write_checkpoint(area.writer()?, &header.schema, &BTreeMap::new(), &arrays)?;
    Ok((header.schema, writer.finish(None)?))
}

fn some_arrays(schema: &ModelSchema) -> Result<()> {
    if schema.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "the model has no arrays: there is nothing to train"));
    }
    Ok(())
}

/// A model that begins with a NaN stays one through every round.
fn all_finite(schema: &ModelSchema, arrays: &dyn ArrayReader) -> Result<()> {
    schema.arrays().iter().enumerate().try_for_each(|(place, spec)| {
        for_each_piece(arrays, schema, place, &mut |first, piece| {
            let Some(index) = finite::first_non_finite(spec.dtype, piece) else { return Ok(()) };
            let (name, element) = (&spec.name, first + index as u64);
            let message = format!("the model's array '{name}' has a NaN or an infinity at element {element}");
            Err(Error::new(ErrorKind::Invalid, message))
        })
    })
}
