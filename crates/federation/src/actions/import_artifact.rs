//! Store what somebody brings: a model, an app bundle, a data set.

use serde_json::Value;
use thunderline_contracts::federation::ArtifactStored;
use thunderline_core::{Action, Cx, Result, Role, Rule, Subject};
use thunderline_objects::Sha256;
use thunderline_store::Write;

use crate::{
    Federations,
    artifact::{self, Artifact, ArtifactKind},
    rows,
};

/// Who may bring things.
pub const ACTION: Action = Action::new("fl.artifact.import", Rule::AtLeast(Role::Operator));

/// A blob that is stored in the kept area, and what is known of it.
#[derive(Clone, Debug)]
pub struct Import {
    /// What it is.
    pub kind: ArtifactKind,
    /// What people call it.
    pub name: String,
    /// The digest of its bytes, which are stored already.
    pub sha256: Sha256,
    /// How many bytes.
    pub size_bytes: u64,
    /// `safetensors`, `fab`, `csv`.
    pub format: String,
    /// What belongs to the kind; for a bundle its `fab_id`, `fab_version` and `config`.
    pub metadata: Value,
}

/// Records a stored blob as an artifact. The same blob brought again is the same artifact.
///
/// # Errors
/// `forbidden`.
pub async fn import_artifact(cx: &Cx, domain: &Federations, import: Import) -> Result<Artifact> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    if let Some(known) =
        rows::artifacts::by_digest(&mut write, &import.sha256, import.kind, cx.tenant()).await?
    {
        return Ok(known);
    }
    let artifact = Artifact {
        id: cx.id(),
        tenant: cx.tenant(),
        federation: None,
        round: None,
        kind: import.kind,
        name: import.name,
        uri: artifact::uri(&import.sha256),
        sha256: import.sha256,
        size_bytes: import.size_bytes,
        format: import.format,
        metadata: import.metadata,
        created_at: cx.now(),
    };
    rows::artifacts::insert(&mut write, &artifact).await?;
    tell_stored(&mut write, &artifact, None);
    write.commit(&Subject::new("artifact", artifact.id)).await?;
    Ok(artifact)
}

/// Tells of a blob that no round made. `seed` is what a fresh model was drawn from.
pub(super) fn tell_stored(write: &mut Write, artifact: &Artifact, seed: Option<u64>) {
    write.emit(&ArtifactStored {
        artifact: artifact.id,
        kind: artifact.kind.name().into(),
        name: artifact.name.clone(),
        uri: artifact.uri.clone(),
        sha256: artifact.sha256.to_string(),
        federation: artifact.federation,
        seed,
    });
}
