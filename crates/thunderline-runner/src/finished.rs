//! What came of a task, kept until the server has it: a runner that was ended meanwhile sends it when it is back, instead of
//! working anew.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use thunderline_core::{Error, Result, RunId, Timestamp};
use thunderline_flower::{
    Object,
    record::{self, Metrics},
    wire,
};
use thunderline_numerics::{ArraySpec, DType, ModelSchema};

use crate::{
    channel::CallResult,
    control,
    encode::Rest,
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
    /// The model whose arrays the reply has in their order: the one to begin from, or the encoded one itself.
    pub(crate) input: ModelFile,
    /// The trained model, or what is sent of it.
    pub(crate) model: Option<ModelFile>,
    pub(crate) metrics: Metrics,
    pub(crate) keeps: Keeps,
}

/// What this runner keeps for the federation's next task. Not before the server has the reply: a task that is done again must
/// begin from what the first try began from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keeps {
    /// Its control variates.
    pub(crate) own: Option<PathBuf>,
    /// What the encoding left out.
    #[serde(default)]
    pub(crate) rest: Rest,
}

impl Keeps {
    /// Keeps it. Doing so again changes nothing, as long as no other task came between.
    pub(crate) fn keep(&self, state: &Path, run: RunId) -> Result<()> {
        self.rest.keep(state, run)?;
        self.own.as_deref().map_or(Ok(()), |own| control::keep(own, state, run))
    }

    /// The same with other paths.
    fn placed(&self, place: impl Fn(&Path) -> Result<PathBuf>) -> Result<Self> {
        Ok(Self {
            own: self.own.as_deref().map(&place).transpose()?,
            rest: match &self.rest {
                Rest::Keep(file) => Rest::Keep(place(file)?),
                other => other.clone(),
            },
        })
    }
}

/// File names are within the task's folder.
#[derive(Serialize, Deserialize)]
struct Document {
    at: Timestamp,
    seconds: f64,
    run: RunId,
    input: PathBuf,
    model: Option<PathBuf>,
    /// Name, type and shape of the arrays in the files, where these have no headers.
    bare: Option<Vec<(String, String, Vec<usize>)>>,
    /// Base64 of the record's object.
    metrics: String,
    keeps: Keeps,
    /// The reply's id. It comes from the digests of all that belongs to the reply, so a file that a crash has damaged, or
    /// that a newer runner reads otherwise, gives another.
    reply: String,
}

impl Finished {
    pub(crate) fn reply(&self, request: &wire::Metadata) -> Result<Reply> {
        reply::success(request, self.at, self.input.schema(), self.model.as_ref(), &self.metrics)
    }

    /// Keeps it in the task's folder, where its files are.
    pub(crate) fn keep(&self, folder: &Path, run: RunId, reply: &Reply) -> Result<()> {
        let within = |path: &Path| {
            let name = path.strip_prefix(folder).map(Path::to_owned);
            name.map_err(|_| Error::internal(format!("{} is not in the task's folder", path.display())))
        };
        let document = Document {
            at: self.at,
            seconds: self.seconds,
            run,
            input: within(&self.input.path)?,
            model: self.model.as_ref().map(|model| within(&model.path)).transpose()?,
            bare: (self.input.header.data_offset == 0).then(|| names(self.input.schema())),
            metrics: STANDARD.encode(record::metrics_object(&self.metrics).encode()),
            keeps: self.keeps.placed(within)?,
            reply: reply.id().to_string(),
        };
        let text = serde_json::to_vec(&document).expect("names and numbers are JSON");
        let (path, half) = (folder.join(FILE), folder.join(FILE).with_extension("half"));
        // On disk before anything is sent: it says what is to be kept of what the server has.
        let written =
            File::create(&half).and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()));
        written.map_err(|error| cannot("write", &half, error))?;
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
        let damaged = || damaged(folder);
        let document = document(folder)?;
        let open = |name: &Path| match &document.bare {
            Some(arrays) => ModelFile::bare(&folder.join(name), schema(arrays).ok_or_else(damaged)?),
            None => ModelFile::open(&folder.join(name)),
        };
        let metrics = STANDARD.decode(&document.metrics).map_err(|error| damaged().caused_by(error))?;
        let finished = Self {
            at: document.at,
            seconds: document.seconds,
            input: open(&document.input)?,
            model: document.model.as_deref().map(open).transpose()?,
            metrics: record::metrics_from_object(&Object::decode(&metrics.into())?)?,
            keeps: document.keeps.placed(|file| Ok(folder.join(file)))?,
        };
        let reply = finished.reply(request)?;
        if reply.id() != document.reply {
            return Err(damaged());
        }
        Ok((finished, reply))
    }
}

fn damaged(folder: &Path) -> Error {
    Error::internal(format!("{} is damaged", folder.join(FILE).display()))
}

fn document(folder: &Path) -> Result<Document> {
    let path = folder.join(FILE);
    let text = fs::read(&path).map_err(|error| cannot("read", &path, error))?;
    serde_json::from_slice(&text).map_err(|error| damaged(folder).caused_by(error))
}

fn names(schema: &ModelSchema) -> Vec<(String, String, Vec<usize>)> {
    let arrays = schema.arrays().iter();
    arrays.map(|array| (array.name.clone(), array.dtype.name().into(), array.shape.clone())).collect()
}

fn schema(arrays: &[(String, String, Vec<usize>)]) -> Option<ModelSchema> {
    let arrays = arrays
        .iter()
        .map(|(name, dtype, shape)| Some(ArraySpec::new(name.as_str(), DType::from_name(dtype)?, shape)));
    ModelSchema::new(arrays.collect::<Option<_>>()?).ok()
}

/// Makes up for it where this runner was ended between the server's having a reply and its keeping what belongs to it: before
/// another message's work begins from what is kept. `counted` says whether the server has the reply to a message.
pub(crate) fn settle(
    state: &Path,
    message: &str,
    counted: impl Fn(&str) -> CallResult<bool>,
) -> CallResult<()> {
    for folder in folders(&work(state))? {
        let Some(other) = folder.file_name().and_then(|name| name.to_str()) else { continue };
        if other == message || !is_there(&folder) {
            continue;
        }
        let found = document(&folder).and_then(|document| {
            let keeps = document.keeps.placed(|file| Ok(folder.join(file)))?;
            Ok((document.run, keeps))
        });
        match found {
            Ok((_, keeps)) if keeps == Keeps::default() => {}
            Ok((run, keeps)) if counted(other)? => keeps.keep(state, run)?,
            Ok(_) => {
                tracing::debug!(message = other, "the server does not have the reply: nothing is kept of it");
            }
            Err(error) => {
                tracing::warn!(error = %error.chain(), "what was kept of a task cannot be used");
            }
        }
    }
    Ok(())
}

/// The folder with the folders of tasks.
pub(crate) fn work(state: &Path) -> PathBuf {
    state.join("work")
}

/// Whether a task's folder holds a finished task.
pub(crate) fn is_there(folder: &Path) -> bool {
    folder.join(FILE).is_file()
}

/// Removes the folders of tasks, except for those that stay.
pub(crate) fn sweep(work: &Path, stays: impl Fn(&Path) -> bool) -> Result<()> {
    let go = |path: PathBuf| fs::remove_dir_all(&path).map_err(|error| cannot("remove", &path, error));
    folders(work)?.into_iter().filter(|path| !stays(path)).try_for_each(go)
}

fn folders(work: &Path) -> Result<Vec<PathBuf>> {
    let cannot = |error| cannot("read", work, error);
    let entries = match fs::read_dir(work) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(cannot)?,
    };
    let paths = entries.map(|entry| Ok(entry.map_err(cannot)?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.is_dir()).collect())
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
            keeps: Keeps { own: Some(folder.join("own")), rest: Rest::Keep(folder.join("rest")) },
        }
    }

    fn run() -> RunId {
        RunId::from_bits(9)
    }

    #[test]
    fn what_is_found_again_gives_the_same_reply() {
        let folder = tempfile::tempdir().unwrap();
        let kept = finished(folder.path());
        assert!(Finished::find(folder.path(), &request()).is_none());
        let reply = kept.reply(&request()).unwrap();
        kept.keep(folder.path(), run(), &reply).unwrap();
        let (found, again) = Finished::find(folder.path(), &request()).unwrap();
        assert_eq!((again.id(), again.objects.bytes()), (reply.id(), reply.objects.bytes()));
        assert_eq!((found.seconds, found.keeps), (1.5, kept.keeps));
        assert!(Finished::find(folder.path(), &wire::Metadata { run_id: 8, ..request() }).is_none());
    }

    #[test]
    fn a_file_that_was_damaged_is_not_taken_for_the_result() {
        let folder = tempfile::tempdir().unwrap();
        let kept = finished(folder.path());
        kept.keep(folder.path(), run(), &kept.reply(&request()).unwrap()).unwrap();
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
