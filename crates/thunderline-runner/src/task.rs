//! One piece of work, free of the wire, and what comes of it.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use thunderline_core::{Error, ErrorKind, Result};
use thunderline_flower::{
    message::TaskKind,
    record::{Config, ConfigValue, MetricValue},
};
use thunderline_numerics::{ArraySpec, FileArrays, ModelSchema, checkpoint::CheckpointHeader};

use crate::key::cannot;

/// A model in a safetensors file.
#[derive(Clone, Debug)]
pub(crate) struct ModelFile {
    pub(crate) path: PathBuf,
    pub(crate) header: CheckpointHeader,
}

impl ModelFile {
    /// Reads the header and checks that the file is as long as it says.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path).map_err(|error| cannot("read", path, error))?;
        let header = CheckpointHeader::read(&mut file)?;
        let length = file.metadata().map_err(|error| cannot("read", path, error))?.len();
        if length != header.file_bytes() {
            let reason = format!("{} has {length} bytes, not {}", path.display(), header.file_bytes());
            return Err(Error::invalid_value("model", reason, "a complete safetensors file"));
        }
        Ok(Self { path: path.into(), header })
    }

    pub(crate) fn schema(&self) -> &ModelSchema {
        &self.header.schema
    }

    /// What its arrays hold, to be read a piece at a time.
    pub(crate) fn arrays(&self) -> Result<FileArrays> {
        let file = File::open(&self.path).map_err(|error| cannot("read", &self.path, error))?;
        Ok(FileArrays::new(file, self.header.ranges()))
    }

    /// Where a trained model, which this is, has an array of the task's: of the same name, type and shape.
    pub(crate) fn place_of(&self, spec: &ArraySpec) -> Result<usize> {
        let place = self.schema().position(&spec.name);
        place.filter(|place| self.schema().arrays()[*place] == *spec).ok_or_else(|| {
            let why = format!("the trained model has no array {spec} as the task's has");
            Error::new(ErrorKind::Invalid, why)
        })
    }
}

/// What to do.
pub(crate) struct Task {
    pub(crate) kind: TaskKind,
    /// From 1; 0 where the message does not say.
    pub(crate) round: u64,
    /// Everything that the message configures.
    pub(crate) config: Config,
    /// The model to begin from.
    pub(crate) model: ModelFile,
    /// What the strategy keeps; none in the first round, and with most strategies.
    pub(crate) state: Option<ModelFile>,
    /// Where this runner keeps what is its own in this federation.
    pub(crate) own: PathBuf,
    /// A place for files, removed afterwards.
    pub(crate) folder: PathBuf,
}

impl Task {
    /// The round's number as Flower's strategies send it.
    pub(crate) fn round_of(config: &Config) -> u64 {
        let value = config.iter().find(|(key, _)| key == "server-round").map(|(_, value)| value);
        match value {
            Some(ConfigValue::Int(round)) => u64::try_from(*round).unwrap_or(0),
            Some(ConfigValue::Uint(round)) => *round,
            _ => 0,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The weight of this result.
    pub(crate) examples: u64,
    /// Everything else that was measured, in order.
    pub(crate) metrics: Vec<(String, MetricValue)>,
    /// The trained model, with the arrays of the task's; none from an evaluation.
    pub(crate) model: Option<ModelFile>,
    /// What is to be kept as the task's `own` once the server has the reply.
    pub(crate) own: Option<PathBuf>,
}

/// Why nothing came of it, in Flower's codes.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: i64,
    pub(crate) reason: String,
}

impl Failure {
    pub(crate) fn new(code: i64, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}
