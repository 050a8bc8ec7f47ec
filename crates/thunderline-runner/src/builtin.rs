//! The built-in trainer on the site's CSV.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufReader, BufWriter},
    ops::Range,
    path::{Path, PathBuf},
    time::SystemTime,
};

use thunderline_core::{Error, ErrorKind, Result, Timestamp};
use thunderline_flower::{message::TaskKind, record::MetricValue};
use thunderline_numerics::{
    ModelSchema,
    checkpoint::CheckpointWriter,
    dataset::Dataset,
    model::{Network, evaluate},
    sgd::train_while,
    variates::Variates,
    weighting::{DATA_AGE, LABEL_ENTROPY, label_entropy},
};

use crate::{
    app::{BuiltinApp, randomness},
    config::RunnerConfig,
    control, encode,
    key::cannot,
    stop::Stop,
    task::{ModelFile, Outcome, Task},
};

/// CSV files that were read, kept until they change on disk.
#[derive(Default)]
pub(crate) struct Loaded(BTreeMap<PathBuf, (Option<SystemTime>, u64, Dataset)>);

impl Loaded {
    /// Opens the data files, and reads them where the built-in trainer is all that there is: programs have formats of
    /// their own.
    ///
    /// # Errors
    /// `not_found` where a file is missing, `invalid` where it cannot be used; both name it.
    pub(crate) fn check(&mut self, config: &RunnerConfig) -> Result<()> {
        for path in [&config.data, &config.evaluation_data].into_iter().flatten() {
            let opened = File::open(path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Error::not_found(format!("the data file {}", path.display())),
                _ => unusable(path, error),
            });
            drop(opened?);
            if config.commands.is_empty() {
                self.get(path, config.feature_scale).map_err(|error| unusable(path, error))?;
            }
        }
        Ok(())
    }

    fn get(&mut self, path: &Path, scale: f64) -> Result<&Dataset> {
        let file = File::open(path).map_err(|error| cannot("read", path, error))?;
        let state = file.metadata().map_err(|error| cannot("read", path, error))?;
        let stamp = (state.modified().ok(), state.len());
        if self.0.get(path).is_none_or(|(time, length, _)| (*time, *length) != stamp) {
            let data = Dataset::read_csv(BufReader::new(file), (1.0 / scale) as f32)?;
            self.0.insert(path.into(), (stamp.0, stamp.1, data));
        }
        Ok(&self.0[path].2)
    }
}

fn unusable(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Invalid, format!("the data file {} cannot be used", path.display()))
        .caused_by(error)
}

/// Trains or evaluates. The model's arrays must be those of the app's model, in its order.
pub(crate) fn run(
    app: &BuiltinApp,
    task: &Task,
    config: &RunnerConfig,
    loaded: &mut Loaded,
    now: Timestamp,
    stop: &Stop,
) -> Result<Outcome> {
    if let Some(difference) = app.model.schema()?.difference(task.model.schema()) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("the model that came is another one: {difference}"),
        ));
    }
    let path = match task.kind {
        TaskKind::Train => config.data.as_ref(),
        TaskKind::Evaluate => config.evaluation_data.as_ref().or(config.data.as_ref()),
    };
    let path = path.ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            "this runner has no data for the built-in trainer; start it with --data",
        )
    })?;
    let data = loaded.get(path, config.feature_scale)?;
    let mut network = read(app, &task.model)?;
    match task.kind {
        TaskKind::Train => {
            let mut rng = randomness(app.seed, "train", task.round, &config.name);
            let variates =
                if app.control_variates { Some(control::load(task, network.schema())?) } else { None };
            let correction = variates.as_ref().map(Variates::correction).unwrap_or_default();
            let start = network.parameters().to_vec();
            let go_on = || !stop.is_stopped();
            let frozen = frozen(task, network.schema());
            let report = train_while(&mut network, data, &app.sgd(), &correction, &frozen, &mut rng, &go_on)?;
            let mut metrics = vec![
                ("train_loss".into(), MetricValue::Double(report.loss)),
                ("accuracy".into(), MetricValue::Double(report.accuracy)),
                ("epochs".into(), MetricValue::Int(report.epochs.into())),
                ("num-steps".into(), MetricValue::Int(report.steps as i64)),
                ("step-norm".into(), MetricValue::Double(report.step_norm)),
            ];
            metrics.extend(about_data(app, data, path, now)?);
            let model = write(&network, &task.folder.join("output.safetensors"))?;
            let own = variates.map(|variates| {
                let way = f64::from(app.sgd().learning_rate) * report.steps as f64;
                let next = variates.next(&start, network.parameters(), way);
                control::write(&next, network.schema(), &task.folder)
            });
            Ok(Outcome { examples: report.examples, metrics, model: Some(model), own: own.transpose()? })
        }
        TaskKind::Evaluate => {
            let result = evaluate(&network, data)?;
            let metrics = vec![
                ("loss".into(), MetricValue::Double(result.loss)),
                ("accuracy".into(), MetricValue::Double(result.accuracy)),
            ];
            Ok(Outcome { examples: result.examples, metrics, model: None, own: None })
        }
    }
}

/// Which parameters stay as they are.
fn frozen(task: &Task, model: &ModelSchema) -> Vec<Range<usize>> {
    let Some(terms) = encode::terms(&task.config) else { return Vec::new() };
    let places = model.arrays().iter().enumerate().filter(|(_, array)| !terms.sends(&array.name));
    let element = |bytes: u64| usize::try_from(bytes / 4).expect("the model is in memory");
    places
        .map(|(place, _)| {
            let start = model.array_offset(place);
            element(start)..element(start + model.array_bytes(place))
        })
        .collect()
}

/// What the federation weighs clients by, and nothing else.
fn about_data(
    app: &BuiltinApp,
    data: &Dataset,
    path: &Path,
    now: Timestamp,
) -> Result<Option<(String, MetricValue)>> {
    let Some(name) = app.report.as_deref() else { return Ok(None) };
    let value = match name {
        LABEL_ENTROPY => label_entropy(data.labels()),
        DATA_AGE => {
            let changed = fs::metadata(path).and_then(|data| data.modified());
            let changed = changed.map_err(|error| cannot("read", path, error))?;
            let age =
                Timestamp::try_from(changed).map_or(0.0, |changed| now.duration_since(changed).as_secs_f64());
            age.max(0.0)
        }
        other => {
            let why = format!("this runner cannot report '{other}' about its data");
            return Err(Error::new(ErrorKind::Invalid, why));
        }
    };
    Ok(Some((name.into(), MetricValue::Double(value))))
}

fn read(app: &BuiltinApp, model: &ModelFile) -> Result<Network> {
    let bytes = fs::read(&model.path).map_err(|error| cannot("read", &model.path, error))?;
    let start = usize::try_from(model.header.data_offset).expect("the file fits memory: it is there");
    Network::from_bytes(&app.model, bytes.get(start..).unwrap_or_default())
}

fn write(network: &Network, path: &Path) -> Result<ModelFile> {
    let file = File::create(path).map_err(|error| cannot("write", path, error))?;
    let mut writer = CheckpointWriter::new(BufWriter::new(file), network.schema(), &BTreeMap::new())?;
    for parameter in network.parameters() {
        writer.write(&parameter.to_le_bytes())?;
    }
    writer.finish()?;
    ModelFile::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_divided_by_the_scale() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shard.csv");
        fs::write(&path, "8,16,1\n").unwrap();
        assert_eq!(Loaded::default().get(&path, 16.0).unwrap().row(0), [0.5, 1.0]);
    }
}
