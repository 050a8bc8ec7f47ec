//! What a backup file holds: a tar archive (POSIX.1-1988 headers with GNU's long names and sizes).
//!
//! 1. [`OPENING`]: an [`Opening`], so that a program that is too old knows so from the first kilobyte;
//! 2. `data/…`: the data folder's files, the database first;
//! 3. [`CONTENTS`]: [`Contents`], with length and SHA-256 of each file. It is written last: a file without it was not
//!    finished. The SHA-256 of its bytes is the backup's *seal*: who knows it can tell that nothing was exchanged.

use serde::{Deserialize, Serialize};
use thunderline_core::{Error, Result, Timestamp};
use thunderline_objects::Sha256;
use thunderline_store::snapshot::Inventory;

/// The version of the format that this program writes; it reads this one and the older ones.
pub const FORMAT: u32 = 1;
/// The first entry.
pub const OPENING: &str = "thunderline-backup.json";
/// The last entry.
pub const CONTENTS: &str = "contents.json";
/// Before the names of the data folder's files.
pub const DATA: &str = "data/";
/// The database's name in the data folder.
pub const DATABASE: &str = "thunderline.db";
/// More than any table of contents: 4 million files.
pub(super) const LARGEST_CONTENTS: u64 = 1 << 30;

/// Who wrote it, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of the program that wrote it.
    pub program: String,
    /// When the database was copied.
    pub created_at: Timestamp,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path below the data folder, with `/`.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// The digest of its bytes.
    pub sha256: Sha256,
}

/// All that is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// As the first entry says.
    pub opening: Opening,
    /// Every file, in the archive's order.
    pub files: Vec<Entry>,
    /// Paths of objects whose bytes were not what their names say when they were copied: they are in the archive, and
    /// are not restored.
    pub damaged: Vec<String>,
    /// What the database holds.
    pub database: Inventory,
}

impl Opening {
    /// Refuses what a newer program wrote.
    ///
    /// # Errors
    /// `invalid`, saying which format would be read.
    pub fn check(&self) -> Result<()> {
        if self.format == 0 || self.format > FORMAT {
            let reason = format!(
                "it has format {}, written by Thunderline {}, which this program ({}) does not know",
                self.format,
                self.program,
                env!("CARGO_PKG_VERSION")
            );
            return Err(Error::invalid_value("backup", reason, format!("formats 1 to {FORMAT}")));
        }
        Ok(())
    }
}

/// Whether this can be the name of a file below the data folder: plain segments, so that nothing is written elsewhere.
#[must_use]
pub fn is_plain(path: &str) -> bool {
    let plain = |segment: &str| {
        !segment.is_empty()
            && segment != "."
            && segment != ".."
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_no_names() {
        for good in ["thunderline.db", "objects/rounds/0-1/train/ab", "operator.token"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/.", "a b", "a\\b", "é"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_name() {
        let created_at = Timestamp::UNIX_EPOCH;
        let newer = Opening { format: FORMAT + 1, program: "9.9".into(), created_at };
        let refused = newer.check().unwrap_err();
        assert!(refused.to_string().contains("9.9"), "{refused}");
        Opening { format: FORMAT, ..newer }.check().unwrap();
    }
}
