//! What a program wrote: checked against the model, then stored.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::Path,
};

use thunderline_core::{Error, ErrorKind, Result};
use thunderline_numerics::{FileArrays, ModelSchema, checkpoint::CheckpointHeader, finite, for_each_piece};
use thunderline_objects::{Area, Sha256};

use super::give::Files;
use crate::fold;

/// A stored file's digest and length.
pub(crate) type Stored = (Sha256, u64);

/// A state may be this many times as large as the model, and [`SPARE`] more.
pub(super) const STATE_TIMES: u64 = 16;
const SPARE: u64 = 64 << 20;

/// Stores the model and, where the program wrote one, the state. Both are written anew, in the order of their arrays, so that the same
/// arrays give the same file whatever else the program's file has.
pub(super) fn take(
    schema: &ModelSchema,
    files: &Files,
    checkpoints: &Area,
) -> Result<(Stored, Option<Stored>)> {
    let Some((header, arrays)) = open(&files.output_model)? else {
        return Err(refused("wrote no model to output_model".into()));
    };
    let places = places(schema, &header.schema)?;
    let state = open(&files.output_state)?;
    let most = STATE_TIMES.saturating_mul(schema.bytes()).saturating_add(SPARE);
    if let Some((header, _)) = state.as_ref().filter(|(header, _)| header.file_bytes() > most) {
        let length = header.file_bytes();
        return Err(refused(format!(
            "wrote a state of {length} bytes; at most {most} are kept beside this model"
        )));
    }
    let model = fold::store(checkpoints, schema, |out| {
        places.iter().enumerate().try_for_each(|(array, place)| {
            let spec = &schema.arrays()[array];
            for_each_piece(&arrays, &header.schema, *place, &mut |first, piece| {
                if let Some(index) = finite::first_non_finite(spec.dtype, piece) {
                    let (name, element) = (&spec.name, first + index as u64);
                    return Err(refused(format!(
                        "wrote a model whose array '{name}' has at element {element} a NaN, an infinity or what is beyond 2^500"
                    )));
                }
                out(piece)
            })
        })
    })?;
    let state = state.filter(|(header, _)| !header.schema.is_empty());
    let keep = |(header, arrays): (CheckpointHeader, FileArrays)| {
        fold::store(checkpoints, &header.schema, |out| {
            (0..header.schema.len()).try_for_each(|array| {
                for_each_piece(&arrays, &header.schema, array, &mut |_, piece| out(piece))
            })
        })
    };
    Ok((model, state.map(keep).transpose()?))
}

/// Opens a complete safetensors file; `None` where there is nothing.
fn open(path: &Path) -> Result<Option<(CheckpointHeader, FileArrays)>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => {}
        // Opening anything else may wait for ever.
        Ok(_) => return Err(refused(format!("wrote something to {name} that is no file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let file = File::open(path)?;
    let header = CheckpointHeader::read(&mut BufReader::new(&file)).map_err(|error| match error.kind() {
        ErrorKind::Invalid => refused(format!("wrote to {name} what is no safetensors file ({error})")),
        _ => error,
    })?;
    let length = file.metadata()?.len();
    if length != header.file_bytes() {
        let whole = header.file_bytes();
        return Err(refused(format!("wrote {length} bytes to {name}, whose header announces {whole}")));
    }
    let ranges = header.ranges();
    Ok(Some((header, FileArrays::new(file, ranges))))
}

/// Where each array of the model is among those that were written, in whatever order.
fn places(wanted: &ModelSchema, found: &ModelSchema) -> Result<Vec<usize>> {
    let place = |spec: &thunderline_numerics::ArraySpec| {
        let place = found.position(&spec.name);
        match place.map(|place| &found.arrays()[place]) {
            Some(array) if array == spec => Ok(place.expect("it was found just now")),
            Some(array) => {
                Err(refused(format!("wrote a model with the array {array}, which is to be {spec}")))
            }
            None => Err(refused(format!("wrote a model without the array {spec}"))),
        }
    };
    let places = wanted.arrays().iter().map(place).collect::<Result<Vec<_>>>()?;
    if found.len() > wanted.len() {
        let (found, wanted) = (found.len(), wanted.len());
        return Err(refused(format!("wrote a model of {found} arrays instead of {wanted}")));
    }
    Ok(places)
}

fn refused(what: String) -> Error {
    Error::new(ErrorKind::Invalid, what)
}
