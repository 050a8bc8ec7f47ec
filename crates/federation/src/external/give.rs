//! What a program gets: copies of the model, the updates and its own state, as safetensors files that it can map into memory.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
};

use thunderline_bridge::Stop;
use thunderline_core::{Error, NodeId, Result};
use thunderline_numerics::{ArrayReader, ModelSchema, checkpoint::write_checkpoint, random::Rng};

use super::{
    Order,
    contract::{Assignment, Told, VERSION},
};

/// One update, and what is known of it.
pub(crate) struct Client<'a> {
    pub reader: &'a dyn ArrayReader,
    /// None, as the number of examples, where the update is the private mean.
    pub node: Option<NodeId>,
    pub num_examples: Option<f64>,
    pub weight: f64,
    pub metrics: &'a BTreeMap<String, f64>,
}

/// Where everything is.
pub(super) struct Files {
    model: PathBuf,
    state: PathBuf,
    updates: PathBuf,
    pub output_model: PathBuf,
    pub output_state: PathBuf,
}

impl Files {
    pub fn below(folder: &Path) -> Self {
        let file = |name: &str| folder.join(format!("{name}.safetensors"));
        Self {
            model: file("model"),
            state: file("state"),
            updates: folder.join("updates"),
            output_model: file("output-model"),
            output_state: file("output-state"),
        }
    }
}

/// Writes the files, and gives the document that names them.
///
/// # Errors
/// `unavailable` where the signal to stop is given: updates may be many and large.
pub(super) fn write(order: &Order<'_>, files: &Files, stop: &Stop) -> Result<Vec<u8>> {
    write_arrays(&files.model, order.schema, order.model)?;
    if let Some((schema, arrays)) = &order.state {
        write_arrays(&files.state, schema, arrays)?;
    }
    fs::create_dir(&files.updates)?;
    let paths: Vec<_> =
        (0..order.clients.len()).map(|place| files.updates.join(format!("{place}.safetensors"))).collect();
    for (client, path) in order.clients.iter().zip(&paths) {
        if stop.is_stopped() {
            return Err(Error::unavailable("told to stop before the program began"));
        }
        write_arrays(path, order.schema, client.reader)?;
    }
    let assignment = Assignment {
        version: VERSION,
        round: order.number,
        params: &order.program.params,
        // 32 bits: what every library takes.
        seed: Rng::derive(order.seed, &["strategy", &order.number.to_string()]).bits() >> 32,
        input_model: &files.model,
        input_state: order.state.as_ref().map(|_| files.state.as_path()),
        updates: order.clients.iter().zip(&paths).map(|(client, path)| told(client, path)).collect(),
        output_model: &files.output_model,
        output_state: &files.output_state,
    };
    let mut document = serde_json::to_vec(&assignment)
        .map_err(|error| Error::internal("an assignment that is no JSON").caused_by(error))?;
    document.push(b'\n');
    Ok(document)
}

fn told<'a>(client: &Client<'a>, path: &'a Path) -> Told<'a> {
    let Client { node, num_examples, weight, metrics, .. } = *client;
    Told { model: path, node, num_examples, weight, metrics }
}

fn write_arrays(path: &Path, schema: &ModelSchema, arrays: &dyn ArrayReader) -> Result<()> {
    let file = BufWriter::new(File::create(path)?);
    write_checkpoint(file, schema, &BTreeMap::new(), arrays).map(drop)
}
