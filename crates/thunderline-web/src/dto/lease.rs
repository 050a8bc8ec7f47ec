//! Leases: who was asked in a round, and what came of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// The right and duty of one node to do one task of one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Lease {
    /// Its id.
    pub id: String,
    /// Of which federation.
    pub federation: String,
    /// Of which round.
    pub round: String,
    /// Which node's.
    pub node: String,
    /// The place in which its update is folded.
    pub ordinal: u32,
    /// `train` or `evaluate`.
    pub purpose: String,
    /// `issued`, `claimed`, `released`, `expired` or `dropped`.
    pub state: String,
    /// Why it ended without a result.
    pub reason: Option<String>,
    /// How often the task was handed out.
    pub deliveries: u32,
    /// What the node reported, where its result was taken.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When the node first took the task.
    pub claimed_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl From<federation::Lease> for Lease {
    fn from(it: federation::Lease) -> Self {
        Self {
            id: it.id.to_string(),
            federation: it.federation.to_string(),
            round: it.round.to_string(),
            node: it.node.to_string(),
            ordinal: it.ordinal,
            purpose: it.purpose.name().to_owned(),
            state: it.state.name().to_owned(),
            reason: it.state.reason().map(str::to_owned),
            deliveries: it.deliveries,
            metrics: it.report.map(|report| report.metrics).unwrap_or_default(),
            issued_at: it.issued_at,
            expires_at: it.expires_at,
            claimed_at: it.claimed_at,
            ended_at: it.ended_at,
        }
    }
}
