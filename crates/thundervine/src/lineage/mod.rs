//! What made this model: federation → rounds → updates → artifacts, built from events.
//!
//! [`facts`] turns one event into nodes and edges, purely; [`project`] stores them within the transaction that moves the
//! consumer's cursor; [`read`] answers the question. Storing a fact again changes nothing, so that replaying the consumer
//! from the first event gives the same graph.

pub mod facts;
pub mod project;
pub mod read;

use serde::Serialize;
use thunderline_core::Timestamp;

/// A model, and what made it, and what made that, back to where it began.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lineage {
    /// The model that was asked for first; each next one is what the one before began from.
    pub steps: Vec<Step>,
    /// Whether the history goes on behind the last step.
    pub truncated: bool,
}

/// One model, and the round that made it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The model.
    pub model: Model,
    /// What made it; none where it was brought, or drawn afresh.
    pub round: Option<MadeBy>,
}

/// A stored artifact.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// Its id; none where only its digest is known.
    pub artifact: Option<String>,
    /// What people call it.
    pub name: String,
    /// The digest of its bytes.
    pub sha256: String,
    /// Where it came from: `trained`, `fresh` (drawn from a seed), `brought` (somebody uploaded it) or `unknown`.
    pub origin: String,
    /// What fresh weights were drawn from.
    pub seed: Option<u64>,
    /// When it was stored.
    pub at: Timestamp,
}

/// The round that made a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MadeBy {
    /// The round's id.
    pub round: String,
    /// Its number, from 1.
    pub number: u32,
    /// Which try of this number.
    pub attempt: u32,
    /// How the updates became the model.
    pub strategy: Option<String>,
    /// The federation.
    pub federation: Federation,
    /// How many updates went in.
    pub clients: u32,
    /// The sum of their examples.
    pub num_examples: f64,
    /// The updates, by node name; as many as were asked for.
    pub updates: Vec<Contribution>,
    /// Digest of the optimiser's state that it continued.
    pub state_before: Option<String>,
    /// Digest of the optimiser's state that it left.
    pub state_after: Option<String>,
}

/// A federation, as far as lineage tells of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Federation {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Digest of its spec.
    pub spec_sha256: Option<String>,
    /// What all its chance is derived from.
    pub seed: Option<u64>,
    /// The model that it began from, as its spec names it.
    pub model_ref: Option<String>,
}

/// A node's part in a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contribution {
    /// The node.
    pub node: String,
    /// Its name, where it is known.
    pub name: String,
    /// The lease under which it was taken.
    pub lease: String,
    /// How many examples it claims.
    pub num_examples: f64,
    /// Its share of all examples of the round, from 0 to 1.
    pub share: f64,
    /// Digest of the update.
    pub update_sha256: Option<String>,
}
