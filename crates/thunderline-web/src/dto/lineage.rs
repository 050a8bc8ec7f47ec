//! Lineage: what made a model.

use serde::{Deserialize, Serialize};
use thunderline_core::Timestamp;
use thundervine::lineage;
use utoipa::ToSchema;

/// A model, and what made it, and what made that, back to where it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Lineage {
    /// The model that was asked for first; each next one is what the one before began from.
    pub steps: Vec<LineageStep>,
    /// Whether the history goes on behind the last step: ask with a greater depth.
    pub truncated: bool,
}

/// One model, and the round that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LineageStep {
    /// The artifact's id; absent where only its digest is known.
    pub artifact: Option<String>,
    /// What people call it.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// `trained`, `fresh` (drawn from a seed), `brought` (somebody uploaded it) or `unknown`.
    pub origin: String,
    /// What fresh weights were drawn from.
    pub seed: Option<u64>,
    /// When it was stored.
    pub at: Timestamp,
    /// The round that made it; absent where it was brought or drawn afresh.
    pub made_by: Option<MadeBy>,
}

/// The round that made a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MadeBy {
    /// The round's id.
    pub round: String,
    /// Its number, from 1.
    pub number: u32,
    /// Which try of this number, from 1.
    pub attempt: u32,
    /// How the updates became the model.
    pub strategy: Option<String>,
    /// The federation's id.
    pub federation: String,
    /// Its name.
    pub federation_name: String,
    /// SHA-256 of its spec, every default spelled out.
    pub spec_sha256: Option<String>,
    /// What all its chance is derived from.
    pub seed: Option<u64>,
    /// How many updates went in.
    pub clients: u32,
    /// The sum of their examples.
    pub num_examples: f64,
    /// The updates, by node name.
    pub updates: Vec<Contribution>,
    /// SHA-256 of the optimiser's state that it continued.
    pub state_before: Option<String>,
    /// SHA-256 of the optimiser's state that it left.
    pub state_after: Option<String>,
}

/// A node's part in a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Contribution {
    /// The node's id.
    pub node: String,
    /// Its name.
    pub name: String,
    /// The lease under which its update was taken.
    pub lease: String,
    /// How many examples it claims.
    pub num_examples: f64,
    /// Its share of the round's examples, from 0 to 1.
    pub share: f64,
    /// SHA-256 of the update: of its arrays and the digests of the objects that hold their elements.
    pub update_sha256: Option<String>,
}

impl From<lineage::Lineage> for Lineage {
    fn from(it: lineage::Lineage) -> Self {
        Self { steps: it.steps.into_iter().map(Into::into).collect(), truncated: it.truncated }
    }
}

impl From<lineage::Step> for LineageStep {
    fn from(it: lineage::Step) -> Self {
        let model = it.model;
        Self {
            artifact: model.artifact,
            name: model.name,
            sha256: model.sha256,
            origin: model.origin,
            seed: model.seed,
            at: model.at,
            made_by: it.round.map(Into::into),
        }
    }
}

impl From<lineage::MadeBy> for MadeBy {
    fn from(it: lineage::MadeBy) -> Self {
        Self {
            round: it.round,
            number: it.number,
            attempt: it.attempt,
            strategy: it.strategy,
            federation: it.federation.id,
            federation_name: it.federation.name,
            spec_sha256: it.federation.spec_sha256,
            seed: it.federation.seed,
            clients: it.clients,
            num_examples: it.num_examples,
            updates: it.updates.into_iter().map(Into::into).collect(),
            state_before: it.state_before,
            state_after: it.state_after,
        }
    }
}

impl From<lineage::Contribution> for Contribution {
    fn from(it: lineage::Contribution) -> Self {
        Self {
            node: it.node,
            name: it.name,
            lease: it.lease,
            num_examples: it.num_examples,
            share: it.share,
            update_sha256: it.update_sha256,
        }
    }
}
