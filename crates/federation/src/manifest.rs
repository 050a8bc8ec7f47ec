//! What a lease allows: the claims that Thunderline signs and a runner checks before it does anything.

use serde::{Deserialize, Serialize};
use thunderline_core::{FederationId, LeaseId, NodeId, RunId};
use thunderline_objects::Sha256;

use crate::{
    rows::Federation,
    spec::{App, DatasetSpec},
    task::Task,
};

/// The claims of a lease's manifest. Registered names are those of RFC 7519; times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManifestClaims {
    /// `thunderline`.
    pub iss: String,
    /// The one node that may use it.
    pub aud: NodeId,
    /// When the lease was issued.
    pub iat: i64,
    /// Not before.
    pub nbf: i64,
    /// When the lease ends.
    pub exp: i64,
    /// The lease.
    pub lease_id: LeaseId,
    /// The task's message. Its id is the digest of everything in the message, so the signature covers model, settings and
    /// app as well.
    pub message_id: Option<String>,
    /// Which federation.
    pub federation: FederationId,
    /// The same, as the wire numbers it.
    pub run_id: RunId,
    /// The round's number.
    pub round: u32,
    /// `train` or `evaluate`.
    pub purpose: String,
    /// Digest of the model to begin from.
    pub model: Sha256,
    /// Digest of the federation's canonical spec.
    pub spec_sha256: Sha256,
    /// What is to run.
    pub app: App,
    /// The data that it is to run on.
    pub dataset_spec: DatasetSpec,
    /// The most passes over the local data; none where the app decides.
    pub epochs_max: Option<u32>,
    /// The most tokens; none where nothing is counted in tokens.
    pub tokens_max: Option<u64>,
}

/// The claims for a task of this federation. `message` is the wire's name for the task's message.
#[must_use]
pub fn claims(task: &Task, federation: &Federation, message: Option<&str>) -> ManifestClaims {
    let spec = serde_json::to_vec(&federation.spec).expect("a spec is plain data");
    let epochs_max = match &federation.spec.app {
        App::Builtin(app) => Some(app.local_epochs),
        App::Command(_) | App::Flower(_) => None,
    };
    ManifestClaims {
        iss: "thunderline".into(),
        aud: task.node,
        iat: task.issued_at.as_second(),
        nbf: task.issued_at.as_second(),
        exp: task.expires_at.as_second(),
        lease_id: task.lease,
        message_id: message.map(Into::into),
        federation: federation.id,
        run_id: task.run,
        round: task.round_number,
        purpose: task.purpose.name().into(),
        model: task.model,
        spec_sha256: Sha256::of(&spec),
        app: federation.spec.app.clone(),
        dataset_spec: federation.spec.dataset_spec.clone(),
        epochs_max,
        tokens_max: None,
    }
}
