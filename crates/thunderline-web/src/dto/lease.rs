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
    /// Of which round: the one in which it was issued.
    pub round: String,
    /// The number of that round, from 1.
    #[serde(default)]
    pub round_number: u32,
    /// The number of the round that counts its result: where clients are not asked in rounds, often a later one. Absent where nothing
    /// of it counts, or not yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_in: Option<u32>,
    /// Which node's.
    pub node: String,
    /// The place in which its update is folded; where clients are not asked in rounds, among those of its version.
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
    /// Bytes of array elements that it sent, encoded where they were; absent, as the next, where no result was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// All bytes of its reply on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wire_bytes: Option<u64>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When the node first took the task.
    pub claimed_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Which version of the model it was issued on: how many rounds have made it. Absent, as all that follows, where clients are
    /// asked in rounds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The round in which it ended: for an update, the one whose buffer took it; absent while it waits for the next buffer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_in: Option<String>,
    /// By how many versions the model of that round was newer than the lease's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staleness: Option<u32>,
    /// The how-many-th update of its federation that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<i64>,
}

impl Lease {
    /// As one of the leases that are listed of this round.
    pub(crate) fn of(it: federation::Lease, round: &federation::Round) -> Self {
        Self {
            round_number: it.issued_in(round),
            counted_in: it.counted_in(round),
            id: it.id.to_string(),
            federation: it.federation.to_string(),
            round: it.round.to_string(),
            node: it.node.to_string(),
            ordinal: it.ordinal,
            purpose: it.purpose.name().to_owned(),
            state: it.state.name().to_owned(),
            reason: it.state.reason().map(str::to_owned),
            deliveries: it.deliveries,
            bytes: it.report.as_ref().map(|report| report.bytes),
            wire_bytes: it.report.as_ref().map(|report| report.wire_bytes),
            metrics: it.report.map(|report| report.metrics).unwrap_or_default(),
            issued_at: it.issued_at,
            expires_at: it.expires_at,
            claimed_at: it.claimed_at,
            ended_at: it.ended_at,
            version: it.version,
            ended_in: it.ended_in.map(|round| round.to_string()),
            staleness: it.staleness,
            arrival: it.arrival,
        }
    }
}
