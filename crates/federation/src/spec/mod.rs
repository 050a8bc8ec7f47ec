//! What a federation is to do: the `FederationSpec` document.
//!
//! The keys of the mission's contract stay as they are (`model_ref`, `strategy`, `num_rounds`, `client_fraction`, `dp`,
//! `secure_agg`, `client_selector`, `dataset_spec`); the others are optional and have safe defaults. A spec that is
//! accepted serialises to a document that parses to the same spec again: nothing is implied by what was left out.

mod document;
pub mod dp;
mod duplicates;
mod fields;
mod parse;
mod secure;
mod strategy;
mod update;
mod weighting;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use thunderline_numerics::model::ModelSpec;
use thunderline_objects::Sha256;

pub use document::read_document;
pub use dp::Dp;
pub use secure::SecureAgg;
pub use strategy::{Program, Strategy};
pub use update::UpdateSpec;
pub use weighting::Weighting;

/// A validated federation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FederationSpec {
    /// What people call it; 1 to 100 characters.
    pub name: String,
    /// The model that round 1 starts from.
    pub model_ref: ModelRef,
    /// How updates become the next model.
    pub strategy: Strategy,
    /// What each client counts; none where the strategy does not weigh clients, and with differential privacy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighting: Option<Weighting>,
    /// Rounds to run, from 1.
    pub num_rounds: u32,
    /// The fraction of the eligible nodes that each round asks for, in (0, 1].
    pub client_fraction: f64,
    /// A round begins only when this many nodes are eligible, and asks for no fewer.
    pub min_clients: u32,
    /// Which nodes are eligible.
    pub client_selector: ClientSelector,
    /// Which data the clients are to use.
    pub dataset_spec: DatasetSpec,
    /// What the clients run.
    pub app: App,
    /// When a round is over.
    pub round: RoundSpec,
    /// What an update may look like, and how it travels.
    pub update: UpdateSpec,
    /// How each model is judged.
    pub evaluation: Evaluation,
    /// Differential privacy; none where it is not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dp: Option<Dp>,
    /// Secure aggregation; none where it is not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_agg: Option<SecureAgg>,
    /// What all chance of this federation is derived from; below 2^53.
    pub seed: u64,
}

/// The model that round 1 starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ModelRef {
    /// A fresh network with these layer widths: `builtin:softmax(64,10)`, `builtin:mlp(64,64,10)`.
    Builtin(Vec<usize>),
    /// A stored model: `sha256:<digest>`.
    Stored(Sha256),
}

/// Which nodes are eligible.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClientSelector {
    /// Every one of these labels must be on the node.
    pub tags: Vec<String>,
    /// The node must be in at least one of these groups, or in a part of one; where none is named, it need not.
    #[serde(default)]
    pub groups: Vec<String>,
    /// The node must have every one of these: `true` or `false`: whether it has it at all; a number: at least so much;
    /// text: exactly that.
    #[serde(default)]
    pub capabilities: BTreeMap<String, Scalar>,
}

/// Which data the clients are to use. Handed on in the manifest; the site decides what it maps to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetSpec {
    /// Where the data is.
    pub uris: Vec<String>,
    /// Names of its parts.
    pub shards: Vec<String>,
    /// SHA-256 of the parts.
    pub hashes: Vec<Sha256>,
}

/// What the clients run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum App {
    /// The runner's own trainer, on a model made by `builtin:`.
    Builtin(BuiltinApp),
    /// A program that the site owner named on the runner.
    Command(CommandApp),
    /// A Flower app bundle.
    Flower(FlowerApp),
}

/// Settings of the built-in trainer: minibatch SGD with momentum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BuiltinApp {
    /// Step size, > 0.
    pub learning_rate: f64,
    /// Momentum in [0, 1).
    pub momentum: f64,
    /// Examples in a step, from 1.
    pub batch_size: u32,
    /// Passes over the local data in a round, from 1.
    pub local_epochs: u32,
}

impl Default for BuiltinApp {
    fn default() -> Self {
        Self { learning_rate: 0.05, momentum: 0.9, batch_size: 16, local_epochs: 2 }
    }
}

/// A site-owned trainer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandApp {
    /// The name under which the site owner registered the program.
    pub name: String,
    /// Handed to the program.
    pub config: BTreeMap<String, Scalar>,
}

/// A Flower app bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowerApp {
    /// The bundle's digest.
    pub bundle: Sha256,
    /// Overrides of the bundle's own run configuration.
    pub config: BTreeMap<String, Scalar>,
}

/// A configuration value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
}

impl Scalar {
    /// The value's type in words.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "text",
        }
    }
}

/// When a round is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundSpec {
    /// Seconds that clients have to train, and again to evaluate.
    pub deadline: u32,
    /// The fraction of the wanted clients whose updates suffice when no more can come, in (0, 1].
    pub quorum: f64,
    /// How many times the wanted clients are asked, ≥ 1: the first to answer count.
    pub over_selection: f64,
    /// Rounds that may fail in a row before the federation does.
    pub max_failures: u32,
}

/// How each model is judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Whether the clients evaluate the new model on their own data.
    pub federated: bool,
    /// Every how many rounds; the last round is always evaluated.
    pub every: u32,
    /// Held-out data on the server, for models that Thunderline knows how to run.
    pub server: Option<ServerEvaluation>,
}

/// Held-out data on the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerEvaluation {
    /// A stored CSV file: features, then the label.
    pub data: Sha256,
    /// Every feature is divided by this.
    pub scale: f64,
}

impl FederationSpec {
    /// SHA-256 of this spec as JSON, every default spelled out: two documents that mean the same have the same digest.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        Sha256::of(&serde_json::to_vec(self).expect("a spec is plain data"))
    }

    /// How many clients a round wants, given how many are eligible: at least one, at least `min_clients` where there
    /// are that many.
    #[must_use]
    pub fn wanted(&self, eligible: usize) -> usize {
        let share = (self.client_fraction * eligible as f64).round() as usize;
        share.max(self.min_clients as usize).max(1).min(eligible)
    }

    /// How many of the wanted clients suffice; never fewer than the strategy needs.
    #[must_use]
    pub fn quorum(&self, wanted: usize) -> usize {
        // The small subtraction keeps 0.1 × 30 from becoming 4 through binary rounding.
        let share = ((self.round.quorum * wanted as f64 - 1e-9).ceil() as usize).clamp(1, wanted.max(1));
        share.max(self.strategy.build().least_updates())
    }

    /// Whether the model of this round is evaluated.
    #[must_use]
    pub fn evaluates(&self, round: u32) -> bool {
        round.is_multiple_of(self.evaluation.every) || round == self.num_rounds
    }
}

impl ModelRef {
    /// The network behind the reference, where Thunderline knows how to run it.
    #[must_use]
    pub fn network(&self) -> Option<ModelSpec> {
        match self {
            Self::Builtin(widths) => Some(ModelSpec::new(widths)),
            Self::Stored(_) => None,
        }
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin(widths) => {
                let kind = if widths.len() == 2 { "softmax" } else { "mlp" };
                let widths: Vec<_> = widths.iter().map(usize::to_string).collect();
                write!(f, "builtin:{kind}({})", widths.join(","))
            }
            Self::Stored(digest) => write!(f, "sha256:{digest}"),
        }
    }
}

impl From<ModelRef> for String {
    fn from(reference: ModelRef) -> Self {
        reference.to_string()
    }
}

impl TryFrom<String> for ModelRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("'{text}' names no model");
        if text.starts_with("sha256:") {
            return text.parse().map(Self::Stored).map_err(|_| wrong());
        }
        let rest = text.strip_prefix("builtin:").ok_or_else(wrong)?;
        let (kind, rest) = rest.split_once('(').ok_or_else(wrong)?;
        let widths = rest.strip_suffix(')').ok_or_else(wrong)?;
        let widths: Vec<usize> = widths
            .split(',')
            .map(|width| width.trim().parse().ok().filter(|width| (1..=65_536).contains(width)))
            .collect::<Option<_>>()
            .ok_or_else(|| format!("'{widths}' is not a list of layer widths from 1 to 65536"))?;
        match (kind, widths.len()) {
            ("softmax", 2) | ("mlp", 3..=16) => Ok(Self::Builtin(widths)),
            ("softmax", _) => Err("softmax takes two widths: features and classes".into()),
            ("mlp", _) => Err("mlp takes 3 to 16 widths: features, hidden layers, classes".into()),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests;
