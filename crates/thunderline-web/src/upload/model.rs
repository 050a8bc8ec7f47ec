//! Models: safetensors or NumPy's `.npz`, kept as our ordered safetensors.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read, Seek},
};

use federation::{actions::import_artifact::Import, artifact::ArtifactKind};
use serde_json::json;
use thunderline_core::{Error, ErrorKind, Result};
use thunderline_numerics::{
    FileArrays, ModelSchema,
    checkpoint::{CheckpointHeader, CheckpointWriter, write_checkpoint},
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
    // A compressed archive can promise far more than it weighs.
    if schema.bytes() > largest {
        let message =
            format!("the model's arrays have {} bytes; at most {largest} are taken", schema.bytes());
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    let mut writer = CheckpointWriter::new(area.writer()?, &schema, &BTreeMap::new())?;
    npz.read(&mut |piece| writer.write(piece))?;
    Ok((schema, writer.finish()?.finish(None)?))
}

fn from_safetensors(area: &Area, mut file: File) -> Result<(ModelSchema, (Sha256, u64))> {
    let length = file.metadata()?.len();
    let header = CheckpointHeader::read(&mut BufReader::new(&mut file))?;
    if header.file_bytes() != length {
        let message = format!("a checkpoint of {length} bytes whose header promises {}", header.file_bytes());
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let arrays = FileArrays::new(file, header.ranges());
    let writer = write_checkpoint(area.writer()?, &header.schema, &BTreeMap::new(), &arrays)?;
    Ok((header.schema, writer.finish(None)?))
}
