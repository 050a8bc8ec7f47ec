//! Backups.

use serde::{Deserialize, Serialize};
use thunderblock::backup;
use thunderline_core::Timestamp;
use utoipa::ToSchema;

/// What to back up where.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupRequest {
    /// An absolute path on the server's machine: a new file that ends in `.tar`, or a folder, which is made where it is
    /// missing. Without it, the folder `backups` in the data folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A backup that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Backup {
    /// Its id.
    pub id: String,
    /// `waiting`, `running`, `completed` or `failed`.
    pub state: String,
    /// Why there is none.
    pub reason: Option<String>,
    /// Where it is or shall be, on the server's machine.
    pub path: String,
    /// Who asked.
    pub requested_by: String,
    /// The file's length.
    pub size_bytes: Option<u64>,
    /// The digest of its table of contents: what `thunderline backup verify` shows as well.
    pub seal: Option<String>,
    /// How many files it holds.
    pub files: Option<u64>,
    /// How many objects were damaged where they were copied from; they will not be restored.
    pub damaged: Option<u64>,
    /// The sequence of its newest event.
    pub outbox: Option<i64>,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was complete, or failed.
    pub finished_at: Option<Timestamp>,
    /// How far it is, while it is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<BackupProgress>,
}

/// How far a backup is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BackupProgress {
    /// What is being done.
    pub phase: String,
    /// Bytes so far.
    pub done: u64,
    /// Bytes in all; 0 while that is unknown.
    pub total: u64,
}

impl From<backup::Backup> for Backup {
    fn from(it: backup::Backup) -> Self {
        Self {
            id: it.id.to_string(),
            state: it.state.name().to_owned(),
            reason: it.reason,
            path: it.path,
            requested_by: it.requested_by,
            size_bytes: it.size_bytes,
            seal: it.seal,
            files: it.files,
            damaged: it.damaged,
            outbox: it.outbox,
            requested_at: it.requested_at,
            finished_at: it.finished_at,
            progress: None,
        }
    }
}

impl From<backup::Seen> for BackupProgress {
    fn from(it: backup::Seen) -> Self {
        Self { phase: it.phase.to_owned(), done: it.done, total: it.total }
    }
}
