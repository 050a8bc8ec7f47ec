//! This runner's control variates: SCAFFOLD's cᵢ, one file for each federation, beside the server's c that comes with the
//! task (Karimireddy et al. 2020, arXiv 1910.06378).

use std::{
    collections::BTreeMap,
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
};

use thunderline_core::{Error, ErrorKind, Result, RunId};
use thunderline_numerics::{ArrayReader, ModelSchema, checkpoint::CheckpointWriter, variates::Variates};

use crate::{
    kept,
    key::cannot,
    task::{ModelFile, Task},
};

fn folder(state: &Path) -> PathBuf {
    state.join("control")
}

/// Where the variates of this run are.
pub(crate) fn path(state: &Path, run: RunId) -> PathBuf {
    kept::path(&folder(state), run)
}

/// Keeps a file as the variates of this run.
pub(crate) fn keep(file: &Path, state: &Path, run: RunId) -> Result<()> {
    kept::keep(file, &folder(state), run)
}

/// What came with the task and what is kept here; 0 where there is nothing yet.
///
/// # Errors
/// `invalid` where arrays are not those of the model.
pub(crate) fn load(task: &Task, model: &ModelSchema) -> Result<Variates> {
    let own = if task.own.exists() { Some(ModelFile::open(&task.own)?) } else { None };
    Ok(Variates { server: values(task.state.as_ref(), "c/", model)?, own: values(own.as_ref(), "", model)? })
}

/// Writes a client's next variates beside its trained model.
pub(crate) fn write(variates: &[f32], model: &ModelSchema, folder: &Path) -> Result<PathBuf> {
    let path = folder.join("own.safetensors");
    let file = File::create(&path).map_err(|error| cannot("write", &path, error))?;
    let mut writer = CheckpointWriter::new(BufWriter::new(file), model, &BTreeMap::new())?;
    variates.iter().try_for_each(|value| writer.write(&value.to_le_bytes()))?;
    writer.finish()?;
    Ok(path)
}

fn values(file: Option<&ModelFile>, prefix: &str, model: &ModelSchema) -> Result<Vec<f32>> {
    let elements = usize::try_from(model.elements()).expect("the model is in memory");
    let Some(file) = file else { return Ok(vec![0.0; elements]) };
    let named =
        |name: &str| file.schema().arrays().iter().find(|spec| spec.name.strip_prefix(prefix) == Some(name));
    let same = model.len() == file.schema().len()
        && model.arrays().iter().all(|spec| {
            named(&spec.name).is_some_and(|found| found.dtype == spec.dtype && found.shape == spec.shape)
        });
    if !same {
        let why = format!("the control variates in {} are another model's", file.path.display());
        return Err(Error::new(ErrorKind::Invalid, why));
    }
    let arrays = file.arrays()?;
    let mut values = Vec::with_capacity(elements);
    for spec in model.arrays() {
        let place = file.schema().position(&format!("{prefix}{}", spec.name));
        let place = place.expect("its schema was compared just now");
        let mut bytes =
            vec![0; usize::try_from(file.schema().array_bytes(place)).expect("the model is in memory")];
        arrays.read_at(place, 0, &mut bytes).map_err(|error| cannot("read", &file.path, error))?;
        values.extend(bytes.as_chunks::<4>().0.iter().map(|raw| f32::from_le_bytes(*raw)));
    }
    Ok(values)
}
