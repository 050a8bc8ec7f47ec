//! Making a backup.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use thunderline_core::{Cx, Error, Result, Timestamp};
use thunderline_objects::{Objects, Sha256};
use thunderline_store::{Db, Engine, snapshot};

use super::{
    Progress,
    format::{Contents, FORMAT, Opening},
    place::Partial,
    progress::CancelOnDrop,
    write,
};
use crate::blocking;

/// What to tell those whose database is PostgreSQL.
const POSTGRES: &str = "the database is PostgreSQL, which has tools of its own: stop the server or accept that rounds \
    under way are tried again, then run 'pg_dump --format=custom --file=thunderline.dump \"$THUNDERLINE_DATABASE\"' and \
    copy the data folder's objects, *.key and *.token after it (docs/operations.md has the whole recipe)";

/// An installation, as far as a backup needs it.
pub struct Source<'a> {
    /// Its database.
    pub db: &'a Db,
    /// Its blobs.
    pub objects: &'a Objects,
    /// Its data folder.
    pub data: &'a Path,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Where it is.
    pub path: PathBuf,
    /// When the database was copied.
    pub created_at: Timestamp,
    /// The file's length.
    pub size_bytes: u64,
    /// The digest of its table of contents.
    pub seal: Sha256,
    /// How many files it holds.
    pub files: u64,
    /// Objects that are damaged where they were copied from; they will not be restored.
    pub damaged: Vec<String>,
    /// The sequence of the newest event in it.
    pub outbox: i64,
}

impl Made {
    pub(super) fn new(path: PathBuf, size_bytes: u64, contents: Contents, seal: Sha256) -> Self {
        Self {
            path,
            created_at: contents.opening.created_at,
            size_bytes,
            seal,
            files: contents.files.len() as u64,
            damaged: contents.damaged,
            outbox: contents.database.outbox,
        }
    }
}

/// Refuses installations that are not backed up this way.
///
/// # Errors
/// `conflict`, with what to do instead.
pub(super) fn check_engine(db: &Db) -> Result<()> {
    if db.engine() == Engine::Postgres { Err(Error::conflict(POSTGRES)) } else { Ok(()) }
}

/// Makes a backup while the installation works. `target` gets its name when it is complete and on disk.
///
/// # Errors
/// `conflict` on PostgreSQL; `invalid` where the place cannot be written; `unavailable` where it has no room, or where it
/// was stopped; `internal` where the database is damaged. Nothing is left under the name then.
pub async fn make(cx: &Cx, source: &Source<'_>, target: &Path, progress: &Arc<Progress>) -> Result<Made> {
    check_engine(source.db)?;
    let _stops = CancelOnDrop(progress.clone());
    let at = target.to_owned();
    let partial = blocking(move || Partial::begin(&at)).await?;
    let hold = source.objects.hold();
    progress.begin("copying the database", 0);
    let created_at = cx.now();
    source.db.snapshot_into(partial.copy()).await?;
    progress.begin("checking the database", 0);
    let database = snapshot::inspect(partial.copy()).await?;
    let opening = Opening { format: FORMAT, program: env!("CARGO_PKG_VERSION").to_owned(), created_at };
    let (data, objects, progress) = (source.data.to_owned(), source.objects.clone(), progress.clone());
    let target = target.to_owned();
    blocking(move || {
        let files = write::plan(&data, &objects, partial.copy())?;
        let total = write::total(&files);
        check_room(&target, total)?;
        progress.begin("copying files", total);
        let (contents, seal) = write::write(partial.file(), opening, database, &files, &progress)?;
        drop(hold);
        progress.begin("forcing it to disk", 0);
        let size_bytes = partial.finish()?;
        Ok(Made::new(target, size_bytes, contents, seal))
    })
    .await
}

/// Refuses early what would fail late.
fn check_room(target: &Path, bytes: u64) -> Result<()> {
    let folder = target.parent().unwrap_or(target);
    let Ok(disk) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= bytes {
        return Ok(());
    }
    let message = format!("the backup needs {bytes} bytes and {} has {free} free", folder.display());
    Err(Error::unavailable(message))
}
