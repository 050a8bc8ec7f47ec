//! What a program is told and what it answers, version 1.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thunderline_core::NodeId;

/// The contract's version.
pub(super) const VERSION: u32 = 1;

/// The most metrics of one answer, and the longest name of one.
const METRICS: usize = 100;
const LONGEST_NAME: usize = 100;

/// What the program reads.
#[derive(Serialize)]
pub(super) struct Assignment<'a> {
    pub version: u32,
    pub round: u32,
    pub params: &'a Map<String, Value>,
    pub seed: u64,
    pub input_model: &'a Path,
    pub input_state: Option<&'a Path>,
    pub updates: Vec<Told<'a>>,
    pub output_model: &'a Path,
    pub output_state: &'a Path,
}

/// An update.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    pub model: &'a Path,
    /// Absent, as the number of examples, where the update is the private mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_examples: Option<f64>,
    pub weight: f64,
    pub metrics: &'a BTreeMap<String, f64>,
}

/// What the program writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    #[serde(default)]
    metrics: Map<String, Value>,
}

/// The answer's metrics, or what is wrong with them.
pub(super) fn metrics(answer: Answer) -> Result<BTreeMap<String, f64>, String> {
    if answer.metrics.len() > METRICS {
        return Err(format!("reported {} metrics; at most {METRICS} are kept", answer.metrics.len()));
    }
    let read = |(name, value): (String, Value)| match value.as_f64() {
        _ if name.is_empty() || name.chars().count() > LONGEST_NAME => {
            Err(format!("reported a metric whose name does not have 1 to {LONGEST_NAME} characters"))
        }
        Some(number) if number.is_finite() => Ok((name, number)),
        _ => Err(format!("reported the metric '{name}', which is not a number")),
    };
    answer.metrics.into_iter().map(read).collect()
}
