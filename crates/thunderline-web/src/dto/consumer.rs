//! Who consumes events.

use serde::{Deserialize, Serialize};
use thunderflow::events::consumers::Standing;
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// A consumer of events and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// `realtime`, `cross_domain` or `general`; empty where it has not said.
    pub pipeline: String,
    /// The kinds of events that it wants; none: all.
    pub names: Vec<String>,
    /// The last event that it has handled or passed over.
    pub sequence: i64,
    /// Events for it that it has neither handled nor passed over.
    pub lag: i64,
    /// Events that it gave up and that are neither replayed nor dropped.
    pub dead_letters: i64,
    /// When its cursor moved for the last time.
    pub moved_at: Timestamp,
    /// When a process last began to work for it.
    pub registered_at: Timestamp,
}

impl From<Standing> for Consumer {
    fn from(it: Standing) -> Self {
        Self {
            name: it.name,
            pipeline: it.pipeline,
            names: it.names,
            sequence: it.sequence,
            lag: it.lag,
            dead_letters: it.dead_letters,
            moved_at: it.at,
            registered_at: it.registered_at,
        }
    }
}

/// Where a consumer is to begin.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReplayFrom {
    /// The first event that it is to see again; one more than the newest: none.
    pub from: i64,
}

/// What setting a consumer elsewhere did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Replay {
    /// Which consumer.
    pub consumer: String,
    /// Where its cursor stood.
    pub before: i64,
    /// Where it stands.
    pub now: i64,
}
