//! Makes the update smaller before it is sent, where the task asks for it: whatever trained, and after clipping.
//!
//! What top-k leaves out is kept here, in one file for each federation, and added to what the next round changes.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thunderline_core::{Result, RunId};
use thunderline_flower::record::{Config, ConfigValue};
use thunderline_numerics::{
    ArrayReader, ArraySpec, DType, FileArrays, ModelSchema,
    checkpoint::CheckpointWriter,
    encoding::{
        Encoding, decode,
        delta::difference,
        encode,
        terms::{KEY, Terms},
    },
    for_each_piece,
};

use crate::{
    kept,
    key::cannot,
    task::{ModelFile, Task},
};

/// What the message says about how to send the update; nothing where it asks for nothing, or for something that this runner
/// does not know: then the arrays are sent as they are, which is always taken.
pub(crate) fn terms(config: &Config) -> Option<Terms> {
    let (_, value) = config.iter().find(|(key, _)| key == KEY)?;
    let ConfigValue::Text(text) = value else { return None };
    match serde_json::from_str(text) {
        Ok(terms) => Some(terms),
        Err(error) => {
            tracing::warn!(%error, "this runner cannot encode as the task asks; the update is sent as it is");
            None
        }
    }
}

/// An update, ready to be sent.
pub(crate) struct Encoded {
    /// Payloads and plain arrays under the names of the model's arrays; a file without a header.
    pub(crate) model: ModelFile,
    pub(crate) rest: Rest,
}

/// What becomes of what was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rest {
    /// The encoding leaves nothing out.
    #[default]
    Nothing,
    /// To be kept for the next round.
    Keep(PathBuf),
    /// There is no next round.
    Forget,
}

fn folder(state: &Path) -> PathBuf {
    state.join("rest")
}

impl Rest {
    /// Keeps what was left out for the next round.
    pub(crate) fn keep(&self, state: &Path, run: RunId) -> Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Keep(file) => kept::keep(file, &folder(state), run),
            Self::Forget => kept::forget(&folder(state), run),
        }
    }
}

/// Encodes what training made of the task's model; `None` where the task asks for nothing, or there is no trained model.
///
/// # Errors
/// `invalid` where an array is missing or cannot be encoded.
pub(crate) fn update(
    task: &Task,
    trained: Option<&ModelFile>,
    state: &Path,
    run: RunId,
) -> Result<Option<Encoded>> {
    let (Some(terms), Some(trained)) = (terms(&task.config), trained) else { return Ok(None) };
    let path = task.folder.join("update.bin");
    let file = File::create(&path).map_err(|error| cannot("write", &path, error))?;
    let mut out = BufWriter::new(file);
    let rest = Rests::open(&terms, task, &kept::path(&folder(state), run))?;
    let mut update =
        Update { trained, terms: &terms, old: task.model.arrays()?, new: trained.arrays()?, rest };
    let mut sent = Vec::new();
    for (place, spec) in task.model.schema().arrays().iter().enumerate() {
        if terms.sends(&spec.name) {
            sent.push(update.array(place, spec, &mut out)?);
        }
    }
    out.flush().map_err(|error| cannot("write", &path, error))?;
    let rest = update.rest.finish()?;
    let model = ModelFile::bare(&path, ModelSchema::new(sent)?)?;
    tracing::debug!(
        encoding = terms.encoding.name(),
        bytes = model.schema().bytes(),
        plain = task.model.schema().bytes(),
        "encoded"
    );
    Ok(Some(Encoded { model, rest }))
}

struct Update<'a> {
    trained: &'a ModelFile,
    terms: &'a Terms,
    old: FileArrays,
    new: FileArrays,
    rest: Rests,
}

impl Update<'_> {
    /// Writes one array, and says what it is on its way.
    fn array(&mut self, place: usize, spec: &ArraySpec, out: &mut impl Write) -> Result<ArraySpec> {
        let found = self.trained.place_of(spec)?;
        let encoding = self.terms.encoding;
        if encoding.length(spec).is_none() {
            for_each_piece(&self.new, self.trained.schema(), found, &mut |_, piece| {
                Ok(out.write_all(piece)?)
            })?;
            return Ok(spec.clone());
        }
        let mut delta = Vec::with_capacity(spec.elements().unwrap_or_default());
        let mut old = Vec::new();
        for_each_piece(&self.new, self.trained.schema(), found, &mut |first, new| {
            old.resize(new.len(), 0);
            self.old.read_at(place, first * spec.dtype.size() as u64, &mut old)?;
            delta.extend(difference(spec.dtype, &old, new)?);
            Ok(())
        })?;
        self.rest.add_to(spec, &mut delta)?;
        let seed = self.terms.seed_of(&spec.name);
        let payload =
            encode(encoding, spec, &delta, seed)?.expect("an array with a payload's length has one");
        self.rest.leave(encoding, spec, delta, &payload)?;
        out.write_all(&payload)?;
        Ok(ArraySpec::new(&spec.name, DType::U8, &[payload.len()]))
    }
}

/// What was left out so far, and what is left out now, of the arrays that are encoded.
enum Rests {
    None,
    Some {
        before: Option<(ModelSchema, FileArrays)>,
        after: CheckpointWriter<BufWriter<File>>,
        path: PathBuf,
    },
    Last {
        before: Option<(ModelSchema, FileArrays)>,
    },
}

impl Rests {
    fn open(terms: &Terms, task: &Task, kept: &Path) -> Result<Self> {
        if !terms.encoding.keeps_rest() {
            return Ok(Self::None);
        }
        let encoded = task
            .model
            .schema()
            .arrays()
            .iter()
            .filter(|spec| terms.sends(&spec.name) && terms.encoding.length(spec).is_some());
        let schema = encoded.map(|spec| ArraySpec::new(&spec.name, DType::F32, &spec.shape)).collect();
        let schema = ModelSchema::new(schema)?;
        let before = if kept.exists() { known(kept, &schema) } else { None };
        if terms.last {
            return Ok(Self::Last { before });
        }
        let path = task.folder.join("rest.safetensors");
        let file = File::create(&path).map_err(|error| cannot("write", &path, error))?;
        let after = CheckpointWriter::new(BufWriter::new(file), &schema, &BTreeMap::new())?;
        Ok(Self::Some { before, after, path })
    }

    fn add_to(&self, spec: &ArraySpec, delta: &mut [f32]) -> Result<()> {
        let (Self::Some { before: Some((schema, rest)), .. } | Self::Last { before: Some((schema, rest)) }) =
            self
        else {
            return Ok(());
        };
        let place = schema.position(&spec.name).expect("its schema was compared");
        for_each_piece(rest, schema, place, &mut |first, piece| {
            for (value, rest) in delta[first as usize..].iter_mut().zip(piece.as_chunks::<4>().0) {
                *value += f32::from_le_bytes(*rest);
            }
            Ok(())
        })
    }

    fn leave(
        &mut self,
        encoding: Encoding,
        spec: &ArraySpec,
        mut delta: Vec<f32>,
        payload: &[u8],
    ) -> Result<()> {
        let Self::Some { after, .. } = self else { return Ok(()) };
        let mut start = 0;
        decode(encoding, spec, &mut &*payload, payload.len() as u64, &mut |sent| {
            delta[start..start + sent.len()].iter_mut().zip(sent).for_each(|(value, sent)| *value -= sent);
            start += sent.len();
            Ok(())
        })?;
        delta.iter().try_for_each(|value| after.write(&value.to_le_bytes()))
    }

    fn finish(self) -> Result<Rest> {
        Ok(match self {
            Self::None => Rest::Nothing,
            Self::Last { .. } => Rest::Forget,
            Self::Some { after, path, .. } => {
                let file = after
                    .finish()?
                    .into_inner()
                    .map_err(|error| cannot("write", &path, error.into_error()))?;
                // A rest that a power cut left half written would be added to the model of everyone.
                file.sync_all().map_err(|error| cannot("write", &path, error))?;
                Rest::Keep(path)
            }
        })
    }
}

/// What was kept, where it is of these arrays.
fn known(kept: &Path, schema: &ModelSchema) -> Option<(ModelSchema, FileArrays)> {
    let opened = ModelFile::open(kept).and_then(|file| {
        let arrays = file.arrays()?;
        Ok((file, arrays))
    });
    match opened {
        Ok((file, arrays)) if file.schema() == schema => Some((schema.clone(), arrays)),
        Ok(_) => {
            tracing::warn!(file = %kept.display(), "what was left out before is another model's; it is dropped");
            None
        }
        Err(error) => {
            tracing::warn!(file = %kept.display(), error = %error.chain(), "what was left out before cannot be read; it is dropped");
            None
        }
    }
}

#[cfg(test)]
mod tests;
