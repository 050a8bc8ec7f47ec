//! Rounds.

use serde::{Deserialize, Serialize};
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A round of a federation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Round {
    /// Its id.
    pub id: String,
    /// Of which federation.
    pub federation: String,
    /// Its number, from 1.
    pub number: u32,
    /// Which try of this number, from 1.
    pub attempt: u32,
    /// `selecting`, `running`, `aggregating`, `evaluating`, `completed`, `failed` or `timed_out`.
    pub state: String,
    /// Why it ended without a model.
    pub reason: Option<String>,
    /// When the present exchange ends, whoever is missing. Absent while a buffer is filled.
    pub deadline: Option<Timestamp>,
    /// How many updates it wants; 0 while it looks for clients.
    pub wanted: u32,
    /// How many of these suffice.
    pub quorum: u32,
    /// SHA-256 of the model it begins from: version `number` − 1.
    pub model_in: Option<String>,
    /// SHA-256 of the model it made: version `number`.
    pub model_out: Option<String>,
    /// When it began to look for clients.
    pub created_at: Timestamp,
    /// When the leases were issued.
    pub started_at: Option<Timestamp>,
    /// When the last update was taken.
    pub closed_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

impl From<federation::Round> for Round {
    fn from(it: federation::Round) -> Self {
        Self {
            id: it.id.to_string(),
            federation: it.federation.to_string(),
            number: it.number,
            attempt: it.attempt,
            state: it.state.name().to_owned(),
            reason: it.state.reason().map(str::to_owned),
            deadline: it.state.deadline(),
            wanted: it.wanted,
            quorum: it.quorum,
            model_in: it.model_in,
            model_out: it.model_out,
            created_at: it.created_at,
            started_at: it.started_at,
            closed_at: it.closed_at,
            completed_at: it.completed_at,
        }
    }
}
