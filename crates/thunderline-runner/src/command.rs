//! Training by a program of the site. The contract is documented for its authors in `docs/trainer-contract.md`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thunderline_bridge::{Run, Surroundings};
use thunderline_core::{Error, ErrorKind, Result};
use thunderline_flower::{
    message::TaskKind,
    record::{ConfigValue, MetricValue},
};
use thunderline_numerics::encoding::terms;

use crate::{
    app::{self, CommandApp, randomness},
    config::RunnerConfig,
    encode,
    stop::Stop,
    task::{ModelFile, Outcome, Task},
};

/// The contract's version.
const VERSION: u32 = 1;

/// What the program reads.
#[derive(Serialize)]
struct Assignment<'a> {
    version: u32,
    task: &'static str,
    round: u64,
    config: Map<String, Value>,
    input_model: &'a Path,
    /// Absent from an evaluation.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_model: Option<&'a Path>,
    data: Option<&'a Path>,
    seed: u64,
}

/// What the program writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    num_examples: u64,
    #[serde(default)]
    metrics: Map<String, Value>,
}

/// Trains or evaluates by the program that has the app's name here.
pub(crate) fn run(app: &CommandApp, task: &Task, config: &RunnerConfig, stop: &Stop) -> Result<Outcome> {
    let Some(command) = config.commands.iter().find(|command| command.name == app.name) else {
        let why = format!("this site has named no program '{}'", app.name);
        return Err(Error::new(ErrorKind::NotFound, why));
    };
    let output = task.folder.join("output.safetensors");
    let training = task.kind == TaskKind::Train;
    let data = if training { None } else { config.evaluation_data.as_deref() };
    let assignment = Assignment {
        version: VERSION,
        task: task.kind.name(),
        round: task.round,
        config: settings(app, task),
        input_model: &task.model.path,
        output_model: training.then_some(output.as_path()),
        data: data.or(config.data.as_deref()),
        // 32 bits: what every library takes.
        seed: randomness(app.seed, task.kind.name(), task.round, &config.name).bits() >> 32,
    };
    let mut input = serde_json::to_vec(&assignment)
        .map_err(|error| Error::internal("an assignment that is no JSON").caused_by(error))?;
    input.push(b'\n');
    let run = Run {
        command,
        folder: &task.folder,
        input: &input,
        surroundings: Surroundings::Inherited,
        limit: config.command_limit,
        room: None,
        listener: None,
    };
    let answer: Answer = thunderline_bridge::run(&run, stop)?.answer()?;
    let metrics =
        answer.metrics.into_iter().map(|(key, value)| metric(key, &value)).collect::<Result<_>>()?;
    let model = if training { Some(trained(&output, &task.model)?) } else { None };
    Ok(Outcome { examples: answer.num_examples, metrics, model, own: None })
}

/// Opens what the program wrote: the same arrays, in any order.
fn trained(path: &Path, before: &ModelFile) -> Result<ModelFile> {
    let after = ModelFile::open(path)?;
    let (old, new) = (before.schema(), after.schema());
    for spec in old.arrays() {
        let found = new.position(&spec.name).map(|place| &new.arrays()[place]);
        if found != Some(spec) {
            let found = found.map_or("missing".to_owned(), |found| format!("{found}"));
            return Err(Error::new(ErrorKind::Invalid, format!("the program's model: {spec} is {found}")));
        }
    }
    if new.len() > old.len() {
        let why = format!("the program's model has {} arrays instead of {}", new.len(), old.len());
        return Err(Error::new(ErrorKind::Invalid, why));
    }
    Ok(after)
}

/// What the program is told: what the message configures, overlaid by the app's own settings.
fn settings(app: &CommandApp, task: &Task) -> Map<String, Value> {
    let mut settings: Map<String, Value> = task
        .config
        .iter()
        .filter(|(key, _)| key != app::KEY && key != terms::KEY)
        .filter_map(|(key, value)| Some((key.clone(), plain(value)?)))
        .collect();
    if app.proximal_mu > 0.0 {
        settings.insert("proximal-mu".into(), app.proximal_mu.into());
    }
    if let Some(terms) = encode::terms(&task.config).filter(|terms| !terms.trainable.is_empty()) {
        settings.insert("trainable".into(), terms.trainable.into());
    }
    settings.extend(app.config.clone());
    settings
}

/// Bytes have no form in JSON and are left out.
fn plain(value: &ConfigValue) -> Option<Value> {
    Some(match value {
        ConfigValue::Double(value) => (*value).into(),
        ConfigValue::Int(value) => (*value).into(),
        ConfigValue::Uint(value) => (*value).into(),
        ConfigValue::Bool(value) => (*value).into(),
        ConfigValue::Text(value) => value.as_str().into(),
        ConfigValue::Doubles(values) => values.clone().into(),
        ConfigValue::Ints(values) => values.clone().into(),
        ConfigValue::Uints(values) => values.clone().into(),
        ConfigValue::Bools(values) => values.clone().into(),
        ConfigValue::Texts(values) => values.clone().into(),
        ConfigValue::Bytes(_) | ConfigValue::BytesList(_) => return None,
    })
}

fn metric(key: String, value: &Value) -> Result<(String, MetricValue)> {
    let floats = |values: &Vec<Value>| values.iter().map(Value::as_f64).collect::<Option<Vec<_>>>();
    let read = match value {
        Value::Number(number) if number.is_i64() => number.as_i64().map(MetricValue::Int),
        Value::Number(number) => number.as_f64().map(MetricValue::Double),
        Value::Array(values) => floats(values).map(MetricValue::Doubles),
        _ => None,
    };
    match read {
        Some(read) => Ok((key, read)),
        None => {
            let why = format!("the program's metric '{key}' is neither a number nor a list of numbers");
            Err(Error::new(ErrorKind::Invalid, why))
        }
    }
}

#[cfg(test)]
mod tests;
