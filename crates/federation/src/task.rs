//! What a node is asked to do, and what it answers, free of any wire format.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use thunderline_core::{FederationId, LeaseId, NodeId, RoundId, RunId, Timestamp};
use thunderline_numerics::{
    encoding::terms::{self, Terms},
    random::Rng,
};
use thunderline_objects::Sha256;

use crate::{
    layout::UpdateLayout,
    masked::Turn,
    plan::Purpose,
    rows::Lease,
    spec::{
        App, FederationSpec, Scalar,
        dp::{Dp, Placement},
    },
};

/// A lease's task.
#[derive(Clone, Debug)]
pub struct Task {
    /// The lease.
    pub lease: LeaseId,
    /// Whose task it is.
    pub node: NodeId,
    /// Which federation.
    pub federation: FederationId,
    /// The same, as the wire numbers it.
    pub run: RunId,
    /// Which round.
    pub round: RoundId,
    /// The round's number, from 1.
    pub round_number: u32,
    /// Which try of this number, from 1.
    pub attempt: u32,
    /// Train or evaluate.
    pub purpose: Purpose,
    /// Which exchange of secure aggregation it is, where each is a task of its own.
    pub turn: Option<Turn>,
    /// Settings for the client, in order.
    pub config: Vec<(String, Scalar)>,
    /// The area that collects what the node uploads.
    pub uploads: String,
    /// The checkpoint to begin from.
    pub model: Sha256,
    /// What the strategy keeps, where the client needs it too.
    pub state: Option<Sha256>,
    /// When the lease was issued. A task that is handed out again has the same time, hence the same message id.
    pub issued_at: Timestamp,
    /// When the lease ends by itself.
    pub expires_at: Timestamp,
}

/// A node's answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The trained arrays; none from an evaluation.
    pub update: Option<UpdateLayout>,
    /// What it measured. `num-examples` is the weight.
    pub metrics: BTreeMap<String, f64>,
    /// Why there is no result.
    pub error: Option<String>,
    /// Bytes that it had on the wire; 0 where the edge does not know.
    pub wire_bytes: u64,
}

/// The key under which clients report their weight, as in Flower.
pub const NUM_EXAMPLES: &str = "num-examples";

/// The key under which clients that clip are told the norm, as in Flower's `fixedclipping_mod`.
pub const CLIPPING_NORM: &str = "clipping_norm";

/// What was recorded of an accepted reply.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The weight.
    pub num_examples: f64,
    /// Everything that was reported, the weight included.
    pub metrics: BTreeMap<String, f64>,
    /// Bytes of array elements that were sent, encoded where they were.
    pub bytes: u64,
    /// Bytes that the whole model has: what the update would be if nothing was left out or encoded.
    #[serde(default)]
    pub plain_bytes: u64,
    /// All bytes of the reply on the wire: arrays, their descriptions, metrics.
    #[serde(default)]
    pub wire_bytes: u64,
}

/// The area that collects the uploads of one exchange of a round.
#[must_use]
pub fn upload_area(round: RoundId, purpose: Purpose) -> String {
    format!("rounds/{round}/{}", purpose.name())
}

/// The area that collects what is uploaded under one lease that may outlive its round.
#[must_use]
pub fn lease_area(lease: LeaseId) -> String {
    format!("leases/{lease}")
}

/// The area that collects what is uploaded under this lease.
#[must_use]
pub fn area_of(lease: &Lease) -> String {
    if lease.version.is_some() { lease_area(lease.id) } else { upload_area(lease.round, lease.purpose) }
}

/// The settings that go to a client with its task. Clients of Flower apps see `server-round` (as Flower's strategies send
/// it) and the strategy's own; runners also see what to run.
#[must_use]
pub fn config(spec: &FederationSpec, round_number: u32, lease: &Lease) -> Vec<(String, Scalar)> {
    let mut config = vec![("server-round".to_owned(), Scalar::Int(round_number.into()))];
    let strategy = spec.strategy.build().client_config();
    config.extend(strategy.iter().map(|(key, value)| ((*key).to_owned(), Scalar::Float(*value))));
    // Where updates are masked the norm is in the terms, which all clients have to agree on.
    let told = |dp: &&Dp| dp.placement == Placement::Client && spec.secure_agg.is_none();
    if let Some(dp) = spec.dp.as_ref().filter(told) {
        config.push((CLIPPING_NORM.into(), Scalar::Float(dp.clip_norm)));
    }
    if lease.purpose == Purpose::Train && !spec.update.is_plain() {
        let terms = terms(spec, round_number, lease);
        let terms = serde_json::to_string(&terms).expect("terms are plain data");
        config.push((terms::KEY.into(), Scalar::Text(terms)));
    }
    // A node that trains twice on the same version must not do the same twice.
    let seed = match lease.version {
        None => spec.seed,
        Some(_) => Rng::derive(spec.seed, &["lease", &lease.ordinal.to_string()]).bits() >> 11,
    };
    let mu = strategy.iter().find(|(key, _)| *key == "proximal-mu").map_or(0.0, |(_, mu)| *mu);
    let mut app = match (&spec.app, spec.model_ref.network()) {
        (App::Builtin(app), Some(network)) => json!({
            "kind": "builtin",
            "model": network,
            "learning_rate": app.learning_rate,
            "momentum": app.momentum,
            "batch_size": app.batch_size,
            "local_epochs": app.local_epochs,
            "proximal_mu": mu,
            "seed": seed,
        }),
        (App::Command(app), _) => json!({
            "kind": "command", "name": app.name, "config": app.config, "proximal_mu": mu, "seed": seed,
        }),
        (App::Builtin(_) | App::Flower(_), _) => return config,
    };
    // Only where they are needed: runners refuse what they do not know.
    if spec.strategy.kind().built_in_only {
        app["control_variates"] = true.into();
    }
    if spec.secure_agg.is_some() {
        app["secure_agg"] = true.into();
    }
    if let (App::Builtin(_), Some(metric)) = (&spec.app, spec.weighting.and_then(|it| it.by.metric())) {
        app["report"] = metric.into();
    }
    config.push(("thunderline.app".into(), Scalar::Text(app.to_string())));
    config
}

/// How an update is to be sent. The seed differs between all tasks, so that the errors of encodings by chance cancel.
fn terms(spec: &FederationSpec, round_number: u32, lease: &Lease) -> Terms {
    let (round, ordinal) = (round_number.to_string(), lease.ordinal.to_string());
    Terms {
        encoding: spec.update.encoding,
        seed: Rng::derive(spec.seed, &["encoding", &round, &ordinal]).bits(),
        trainable: spec.update.trainable.clone(),
        last: round_number >= spec.num_rounds,
    }
}
