//! The decision trail.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderline_core::Timestamp;
use thunderprism::read;
use utoipa::ToSchema;

/// Something that was decided, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Decision {
    /// Its id: that of the event that told it.
    pub id: String,
    /// The place in the order of all events; where lists go on.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// `federation.submitted`, `clients.selected`, `update.weighed`, `update.refused`, `client.dropped`, `round.closed`,
    /// `round.failed`, `model.made`, `model.judged` or `federation.steered`.
    pub kind: String,
    /// Who decided.
    pub actor: String,
    /// What ties it to its immediate cause.
    pub correlation: String,
    /// What ties it to the request that began it all.
    pub trail: String,
    /// The federation's id.
    pub federation: Option<String>,
    /// In which round.
    pub round: Option<u32>,
    /// In which try of it.
    pub attempt: Option<u32>,
    /// The decision and its reasons as a sentence.
    pub summary: String,
    /// The fact as it was told.
    pub detail: Value,
}

/// A decision with those around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DecisionDetails {
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// What led to it.
    pub because: Vec<RelatedDecision>,
    /// What followed from it.
    pub then: Vec<RelatedDecision>,
}

/// A decision that led to another or followed from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RelatedDecision {
    /// Its id.
    pub id: String,
    /// How they hang together: `of`, `next`, `chosen`, `counted`, `because`, `retried`.
    pub relation: String,
    /// Its kind.
    pub kind: String,
    /// The decision as a sentence.
    pub summary: String,
}

impl From<read::Decision> for Decision {
    fn from(it: read::Decision) -> Self {
        Self {
            id: it.id.to_string(),
            sequence: it.sequence,
            at: it.at,
            kind: it.kind,
            actor: it.actor,
            correlation: it.correlation.to_string(),
            trail: it.trail.to_string(),
            federation: it.federation.map(|id| id.to_string()),
            round: it.round,
            attempt: it.attempt,
            summary: it.summary,
            detail: it.detail,
        }
    }
}

impl From<(read::Decision, Vec<read::Neighbour>)> for DecisionDetails {
    fn from((decision, neighbours): (read::Decision, Vec<read::Neighbour>)) -> Self {
        let (because, then): (Vec<_>, Vec<_>) = neighbours.into_iter().partition(|it| it.earlier);
        Self {
            decision: decision.into(),
            because: because.into_iter().map(Into::into).collect(),
            then: then.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<read::Neighbour> for RelatedDecision {
    fn from(it: read::Neighbour) -> Self {
        let read::Neighbour { relation, decision, .. } = it;
        Self { id: decision.id.to_string(), relation, kind: decision.kind, summary: decision.summary }
    }
}
