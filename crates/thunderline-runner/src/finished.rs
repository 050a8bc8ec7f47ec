//! What came of a task, kept until the server has it: a runner that was ended meanwhile sends it when it is back, instead of
//! working anew.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use thunderline_core::{Error, Result, Timestamp};
use thunderline_flower::{
    Object,
    record::{self, Metrics},
    wire,
};

use crate::{
    key::cannot,
    reply::{self, Reply},
    task::ModelFile,
};

const FILE: &str = "finished.json";

/// A finished task: all that a reply is made from, beside the request.
pub(crate) struct Finished {
    pub(crate) at: Timestamp,
    /// How long the work took.
    pub(crate) seconds: f64,
    /// The model to begin from, whose arrays the reply has in their order.
    pub(crate) input: ModelFile,
    /// The trained model.
    pub(crate) model: Option<ModelFile>,
    pub(crate) metrics: Metrics,
    /// What is to be kept by this runner once the server has the reply.
    pub(crate) own: Option<PathBuf>,
}

/// File names are within the task's folder.
#[derive(Serialize, Deserialize)]
struct Document {
    at: Timestamp,
    seconds: f64,
    input: PathBuf,
    model: Option<PathBuf>,
    /// Base64 of the record's object.
    metrics: String,
    own: Option<PathBuf>,
    /// The reply's id. It comes from the digests of all that belongs to the reply, so a file that a crash has damaged, or
    /// that a newer runner reads otherwise, gives another.
    reply: String,
}

impl Finished {
    pub(crate) fn reply(&self, request: &wire::Metadata) -> Result<Reply> {
        reply::success(request, self.at, self.input.schema(), self.model.as_ref(), &self.metrics)
    }

    /// Keeps it in the task's folder, where its files are.
    pub(crate) fn keep(&self, folder: &Path, reply: &Reply) -> Result<()> {
        let within = |path: &Path| {
            let name = path.strip_prefix(folder).map(Path::to_owned);
            name.map_err(|_| Error::internal(format!("{} is not in the task's folder", path.display())))
        };
        let document = Document {
            at: self.at,
            seconds: self.seconds,
            input: within(&self.input.path)?,
            model: self.model.as_ref().map(|model| within(&model.path)).transpose()?,
            metrics: STANDARD.encode(record::metrics_object(&self.metrics).encode()),
            own: self.own.as_deref().map(within).transpose()?,
            reply: reply.id().to_string(),
        };
        let text = serde_json::to_vec(&document).expect("names and numbers are JSON");
        let (path, half) = (folder.join(FILE), folder.join(FILE).with_extension("half"));
        fs::write(&half, text).map_err(|error| cannot("write", &half, error))?;
        fs::rename(&half, &path).map_err(|error| cannot("write", &path, error))
    }

    /// What was kept in a task's folder, if it is undamaged and answers this request.
    pub(crate) fn find(folder: &Path, request: &wire::Metadata) -> Option<(Self, Reply)> {
        if !is_there(folder) {
            return None;
        }
        let found = Self::read(folder, request);
        if let Err(error) = &found {
            tracing::warn!(error = %error.chain(), "what was kept of this task cannot be used");
        }
        found.ok()
    }

    fn read(folder: &Path, request: &wire::Metadata) -> Result<(Self, Reply)> {
        let path = folder.join(FILE);
        let text = fs::read(&path).map_err(|error| cannot("read", &path, error))?;
        let damaged = || Error::internal(format!("{} is damaged", path.display()));
        let document: Document = serde_json::from_slice(&text).map_err(|error| damaged().caused_by(error))?;
        let metrics = STANDARD.decode(&document.metrics).map_err(|error| damaged().caused_by(error))?;
        let finished = Self {
            at: document.at,
            seconds: document.seconds,
            input: ModelFile::open(&folder.join(document.input))?,
            model: document.model.map(|model| ModelFile::open(&folder.join(model))).transpose()?,
            metrics: record::metrics_from_object(&Object::decode(&metrics.into())?)?,
            own: document.own.map(|own| folder.join(own)),
        };
        let reply = finished.reply(request)?;
        if reply.id() != document.reply {
            return Err(damaged());
        }
        Ok((finished, reply))
    }
}

/// Whether a task's folder holds a finished task.
pub(crate) fn is_there(folder: &Path) -> bool {
    folder.join(FILE).is_file()
}

/// Removes the folders of tasks, except for those that stay.
pub(crate) fn sweep(work: &Path, stays: impl Fn(&Path) -> bool) -> Result<()> {
    let entries = match fs::read_dir(work) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| cannot("read", work, error))?,
    };
    for entry in entries {
        let path = entry.map_err(|error| cannot("read", work, error))?.path();
        if path.is_dir() && !stays(&path) {
            fs::remove_dir_all(&path).map_err(|error| cannot("remove", &path, error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use thunderline_flower::{ObjectId, record::MetricValue};
    use thunderline_numerics::{ArraySpec, DType, MemoryArrays, ModelSchema, checkpoint::write_checkpoint};

    use super::*;

    fn request() -> wire::Metadata {
        wire::Metadata {
            run_id: 9,
            message_id: ObjectId::of(b"request").to_string(),
            ttl: 600.0,
            message_type: "train".into(),
            created_at: 1_000.0,
            ..wire::Metadata::default()
        }
    }

    fn finished(folder: &Path) -> Finished {
        let model = |name: &str, value: u8| {
            let schema = ModelSchema::new(vec![ArraySpec::new("w", DType::U8, &[9])]).unwrap();
            let arrays = MemoryArrays::new(schema.clone(), vec![value; 9]).unwrap();
            let path = folder.join(name);
            write_checkpoint(fs::File::create(&path).unwrap(), &schema, &BTreeMap::new(), &arrays).unwrap();
            ModelFile::open(&path).unwrap()
        };
        Finished {
            at: Timestamp::from_second(1_100).unwrap(),
            seconds: 1.5,
            input: model("input", 1),
            model: Some(model("output", 2)),
            metrics: vec![
                ("num-examples".into(), MetricValue::Int(3)),
                ("loss".into(), MetricValue::Double(0.5)),
            ],
            own: Some(folder.join("own")),
        }
    }

    #[test]
    fn what_is_found_again_gives_the_same_reply() {
        let folder = tempfile::tempdir().unwrap();
        let kept = finished(folder.path());
        assert!(Finished::find(folder.path(), &request()).is_none());
        let reply = kept.reply(&request()).unwrap();
        kept.keep(folder.path(), &reply).unwrap();
        let (found, again) = Finished::find(folder.path(), &request()).unwrap();
        assert_eq!((again.id(), again.bytes()), (reply.id(), reply.bytes()));
        assert_eq!((found.seconds, found.own), (1.5, kept.own));
        assert!(Finished::find(folder.path(), &wire::Metadata { run_id: 8, ..request() }).is_none());
    }

    #[test]
    fn a_file_that_was_damaged_is_not_taken_for_the_result() {
        let folder = tempfile::tempdir().unwrap();
        let kept = finished(folder.path());
        kept.keep(folder.path(), &kept.reply(&request()).unwrap()).unwrap();
        let path = folder.path().join("output");
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() = 0;
        fs::write(&path, bytes).unwrap();
        assert!(Finished::find(folder.path(), &request()).is_none());
    }

    #[test]
    fn only_what_stays_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        sweep(&work, |_| false).unwrap();
        for name in ["a", "b"] {
            fs::create_dir_all(work.join(name).join("c")).unwrap();
        }
        fs::write(work.join("b").join(FILE), "").unwrap();
        sweep(&work, is_there).unwrap();
        let left: Vec<_> = fs::read_dir(&work).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["b"]);
    }
}
