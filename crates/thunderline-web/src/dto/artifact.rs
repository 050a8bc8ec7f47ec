//! Artifacts: stored models, app bundles and data sets.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A stored thing and where it came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    /// Its id.
    pub id: String,
    /// The federation that made it; none where somebody uploaded it.
    pub federation: Option<String>,
    /// The round that made it.
    pub round: Option<String>,
    /// `model`, `bundle` or `dataset`.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// Where it is.
    pub uri: String,
    /// The digest of its bytes.
    pub sha256: String,
    /// How many bytes.
    pub size_bytes: u64,
    /// `safetensors`, `fab` or `csv`.
    pub format: String,
    /// What belongs to the kind: lineage of a model, configuration of a bundle.
    pub metadata: Value,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// Whether a stored thing is still what was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// Which artifact.
    pub id: String,
    /// The digest that its bytes must have.
    pub sha256: String,
    /// `intact`, `damaged` or `missing`.
    pub result: String,
}

impl From<federation::artifact::Artifact> for Artifact {
    fn from(it: federation::artifact::Artifact) -> Self {
        Self {
            id: it.id.to_string(),
            federation: it.federation.map(|id| id.to_string()),
            round: it.round.map(|id| id.to_string()),
            kind: it.kind.name().to_owned(),
            name: it.name,
            uri: it.uri,
            sha256: it.sha256.to_string(),
            size_bytes: it.size_bytes,
            format: it.format,
            metadata: it.metadata,
            created_at: it.created_at,
        }
    }
}
