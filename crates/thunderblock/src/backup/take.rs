//! Backups by the clock.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thunderline_core::Job;

/// Ask for a backup, as a schedule does.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakeBackup {
    /// A folder, or a file, on the server's machine; the data folder's `backups` unless given.
    #[serde(default)]
    pub to: Option<PathBuf>,
}

impl Job for TakeBackup {
    const NAME: &'static str = "block.backup.take";

    fn key(&self) -> String {
        self.to.as_ref().map_or_else(String::new, |to| to.display().to_string())
    }
}
