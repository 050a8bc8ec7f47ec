//! Backups of an embedded installation, made while it works, and their way back.
//!
//! A backup is one tar file: [`format`] says what is in it. The order in which it is made is what makes it whole: removals
//! of blobs are [held](thunderline_objects::Hold), the database is copied in one state, then every blob is copied that is
//! there. Rows are written after the blobs that they name, and nothing is removed meanwhile, so every blob that the copied
//! state names is among them; what came later is named by nothing and swept after a restore.
//!
//! A file under its final name is complete and on disk. Deliberately absent: PostgreSQL, which has `pg_dump`; encryption,
//! which belongs to where backups are kept.

pub mod format;
mod make;
pub mod place;
mod progress;
mod read;
mod request;
mod restore;
mod rows;
mod run;
mod take;
mod verify;
mod write;

pub use make::{Made, Source, make};
pub use progress::{Progress, Seen, Underway};
pub use read::{ACTION as READ_ACTION, get, list};
pub use request::{ACTION, request};
pub use restore::{RESTORED_FILE, Restored, restore};
pub(crate) use rows::STATEMENTS;
pub use rows::{Backup, BackupState};
pub use run::{FINISH_ACTION, MakeBackup, run};
pub use take::TakeBackup;
pub use verify::{Verified, verify};
