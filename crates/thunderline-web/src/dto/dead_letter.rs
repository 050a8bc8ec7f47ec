//! Events that consumers gave up.

use serde::{Deserialize, Serialize};
use thunderline_core::Timestamp;
use utoipa::ToSchema;

use super::event::Event;

/// An event that a consumer gave up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    /// The letter's id.
    pub id: String,
    /// Who gave it up.
    pub consumer: String,
    /// The consumer's pipeline.
    pub pipeline: String,
    /// `waiting`, `due`, `replayed` or `dropped`.
    pub state: String,
    /// How often it was tried; 0: it only waits behind another letter about the same thing.
    pub attempts: u32,
    /// The class of the last error; `held` where it only waits.
    pub class: String,
    /// The last error.
    pub reason: String,
    /// When it failed for the first time.
    pub created_at: Timestamp,
    /// When it failed for the last time.
    pub failed_at: Timestamp,
    /// When it was replayed or dropped.
    pub finished_at: Option<Timestamp>,
    /// The event.
    pub event: Event,
}

impl From<thunderflow::dead_letters::DeadLetter> for DeadLetter {
    fn from(it: thunderflow::dead_letters::DeadLetter) -> Self {
        Self {
            id: it.id.to_string(),
            consumer: it.consumer,
            pipeline: it.pipeline,
            state: it.state.name().into(),
            attempts: it.attempts,
            class: it.class,
            reason: it.reason,
            created_at: it.created_at,
            failed_at: it.failed_at,
            finished_at: it.finished_at,
            event: it.event.into(),
        }
    }
}

/// Which letters are to be tried again.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ReplayOf {
    /// Only this consumer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer: Option<String>,
}

/// How many letters are tried again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Due {
    /// So many.
    pub due: u64,
}
