//! System checkpoints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thunderblock::checkpoint;
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// What was running at a moment, and how far everybody had come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Checkpoint {
    /// Its id.
    pub id: String,
    /// Of which process.
    pub node: String,
    /// `start`, `periodic`, `shutdown` or `manual`.
    pub reason: String,
    /// Of a start: whether the stop before it was in good order; absent at the first start.
    pub clean: Option<bool>,
    /// What is to be said about it.
    pub note: Option<String>,
    /// The sequence of the newest event.
    pub outbox: i64,
    /// Everything that was not over.
    pub running: Vec<CheckpointItem>,
    /// How far each consumer of events had come.
    pub cursors: BTreeMap<String, i64>,
    /// Of a start: what the stop before it interrupted, and whether it goes on. Only where one checkpoint is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumes: Vec<Resume>,
    /// When.
    pub at: Timestamp,
}

/// Something that was running.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CheckpointItem {
    /// `federation`, `job`, …
    pub kind: String,
    /// Which.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// Where it stood.
    pub state: String,
}

/// Something that a stop interrupted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Resume {
    /// `federation`, `job`, …
    pub kind: String,
    /// Which.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// When it was seen to go on, or to be over; absent while that is pending.
    pub resumed_at: Option<Timestamp>,
}

impl From<checkpoint::Checkpoint> for Checkpoint {
    fn from(it: checkpoint::Checkpoint) -> Self {
        let running = it.content.running.into_iter().map(|item| CheckpointItem {
            kind: item.kind,
            id: item.id,
            label: item.label,
            state: item.state,
        });
        Self {
            id: it.id.to_string(),
            node: it.node,
            reason: it.reason.name().to_owned(),
            clean: it.clean,
            note: it.note,
            outbox: it.outbox,
            running: running.collect(),
            cursors: it.content.cursors,
            resumes: Vec::new(),
            at: it.at,
        }
    }
}

impl From<checkpoint::Resume> for Resume {
    fn from(it: checkpoint::Resume) -> Self {
        Self { kind: it.kind, id: it.id, label: it.label, resumed_at: it.resumed_at }
    }
}
