//! Stored models, app bundles and data sets: one table, one shape for every producer.

use serde::Serialize;
use serde_json::Value;
use thunderline_core::{ArtifactId, FederationId, RoundId, TenantId, Timestamp};
use thunderline_objects::Sha256;

/// What an artifact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// A model's arrays, as safetensors.
    Model,
    /// A Flower app bundle.
    Bundle,
    /// Held-out data, as CSV.
    Dataset,
}

impl ArtifactKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Model, Self::Bundle, Self::Dataset];

    /// The name in tables, requests and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Bundle => "bundle",
            Self::Dataset => "dataset",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A stored thing and where it came from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Artifact {
    /// Its id.
    pub id: ArtifactId,
    /// Whose it is.
    #[serde(skip)]
    pub tenant: TenantId,
    /// The federation that made it; none where somebody uploaded it.
    pub federation: Option<FederationId>,
    /// The round that made it.
    pub round: Option<RoundId>,
    /// What it is.
    pub kind: ArtifactKind,
    /// What people call it.
    pub name: String,
    /// Where it is.
    pub uri: String,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// How many bytes.
    pub size_bytes: u64,
    /// `safetensors`, `fab`, `csv`.
    pub format: String,
    /// What belongs to the kind: lineage of a model, configuration of a bundle.
    pub metadata: Value,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// The address of a blob in the kept area.
#[must_use]
pub fn uri(digest: &Sha256) -> String {
    format!("objects://checkpoints/{digest}")
}
