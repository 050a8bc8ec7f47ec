//! Clipping before anything leaves the site, where the federation asks for it.

use std::{collections::BTreeMap, fs::File, io::BufWriter};

use thunderline_core::{Error, ErrorKind, Result};
use thunderline_flower::record::{Config, ConfigValue};
use thunderline_numerics::{checkpoint::CheckpointWriter, privacy::sum::clipped};

use crate::{
    key::cannot,
    task::{ModelFile, Outcome, Task},
};

/// The configuration's key, as Flower's `fixedclipping_mod` has it.
const KEY: &str = "clipping_norm";

/// The norm that the message asks for.
fn norm(config: &Config) -> Result<Option<f64>> {
    match config.iter().find(|(key, _)| key == KEY).map(|(_, value)| value) {
        None => Ok(None),
        Some(ConfigValue::Double(norm)) if norm.is_finite() && *norm > 0.0 => Ok(Some(*norm)),
        Some(_) => Err(Error::invalid_value(KEY, "no clipping norm", "a number above 0")),
    }
}

/// Shortens the trained model's way from the model that came to the norm that the message asks for, if it asks.
///
/// # Errors
/// `invalid` where the norm is none or the trained model has other arrays; it must not leave the site unclipped.
pub(crate) fn clip(task: &Task, outcome: Outcome) -> Result<Outcome> {
    let (Some(norm), Some(trained)) = (norm(&task.config)?, &outcome.model) else { return Ok(outcome) };
    let schema = task.model.schema();
    if let Some(difference) = schema.difference(trained.schema()) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("the trained model cannot be clipped: {difference}"),
        ));
    }
    let path = task.folder.join("clipped.safetensors");
    let file = File::create(&path).map_err(|error| cannot("write", &path, error))?;
    let mut writer = CheckpointWriter::new(BufWriter::new(file), schema, &BTreeMap::new())?;
    clipped(schema, &task.model.arrays()?, &trained.arrays()?, norm, &mut |bytes| writer.write(bytes))?;
    writer.finish()?;
    Ok(Outcome { model: Some(ModelFile::open(&path)?), ..outcome })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use thunderline_flower::message::TaskKind;
    use thunderline_numerics::{ArrayReader, ArraySpec, DType, ModelSchema};

    use super::*;

    fn write(path: &Path, values: [f32; 2]) -> ModelFile {
        let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::F32, &[2])]).unwrap();
        let mut writer =
            CheckpointWriter::new(File::create(path).unwrap(), &schema, &BTreeMap::new()).unwrap();
        writer.write(&values.map(f32::to_le_bytes).concat()).unwrap();
        writer.finish().unwrap();
        ModelFile::open(path).unwrap()
    }

    fn sent(config: Config) -> Result<[f32; 2]> {
        let folder = tempfile::tempdir().unwrap();
        let model = write(&folder.path().join("in"), [1.0, 1.0]);
        let trained = write(&folder.path().join("out"), [4.0, 5.0]);
        let task = Task {
            kind: TaskKind::Train,
            round: 1,
            config,
            model,
            folder: folder.path().into(),
            own: std::path::PathBuf::new(),
            state: None,
        };
        let outcome =
            clip(&task, Outcome { examples: 1, metrics: Vec::new(), model: Some(trained), own: None })?;
        let mut bytes = [0; 8];
        outcome.model.unwrap().arrays().unwrap().read_at(0, 0, &mut bytes).unwrap();
        Ok([0, 4].map(|at| f32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())))
    }

    #[test]
    fn an_update_leaves_the_site_clipped_where_the_message_asks_for_it() {
        assert_eq!(sent(Config::new()).unwrap(), [4.0, 5.0]);
        let clipped = sent(vec![(KEY.into(), ConfigValue::Double(1.0))]).unwrap();
        assert!((clipped[0] - 1.6).abs() < 1e-6 && (clipped[1] - 1.8).abs() < 1e-6, "{clipped:?}");
    }

    #[test]
    fn a_norm_that_is_none_lets_nothing_out() {
        for value in [ConfigValue::Double(0.0), ConfigValue::Double(f64::NAN), ConfigValue::Text("1".into())]
        {
            assert_eq!(sent(vec![(KEY.into(), value)]).unwrap_err().code(), "invalid");
        }
    }
}
