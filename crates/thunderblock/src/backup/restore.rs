//! From a backup to a data folder: verified first, and there as a whole or not at all.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use thunderline_core::{Cx, Error, Result, Timestamp};
use thunderline_objects::Sha256;
use thunderline_store::snapshot;

use super::{
    Progress,
    format::{Contents, DATABASE},
    progress::CancelOnDrop,
    verify,
};
use crate::blocking;

/// Tells the next start, in the data folder, that it begins from a backup.
pub const RESTORED_FILE: &str = "restored.json";

/// Events that may have got a number after the backup was made: who has seen them elsewhere must not mistake the next ones
/// for them.
const SKIPPED: i64 = 1_000_000;

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// From which file.
    pub backup: PathBuf,
    /// Its seal.
    pub seal: Sha256,
    /// When the backup was made: what happened since is gone.
    pub created_at: Timestamp,
    /// The sequence of its newest event.
    pub outbox: i64,
    /// Objects that are missing, because they were damaged when the backup was made.
    pub missing: Vec<String>,
    /// When it was restored.
    pub restored_at: Timestamp,
    /// Where the folder is that was there before.
    pub moved_aside: Option<PathBuf>,
}

/// Restores a backup into a folder. With `replace`, what is there is moved aside; nobody may be using it.
///
/// # Errors
/// `invalid` for anything but a good backup; `conflict` where the folder is not empty and `replace` is not wanted. The
/// folder is unchanged then.
pub async fn restore(
    cx: &Cx,
    file: &Path,
    data: &Path,
    replace: bool,
    progress: &Arc<Progress>,
) -> Result<Restored> {
    let _stops = CancelOnDrop(progress.clone());
    let data = std::path::absolute(data)?;
    if !is_empty(&data)? && !replace {
        let message = format!("{} is not empty; use --force to move what is there aside", data.display());
        return Err(Error::conflict(message));
    }
    let staging = Staging::make(&data)?;
    let (from, to, at) = (file.to_owned(), staging.folder.clone(), progress.clone());
    let (contents, seal) = blocking(move || {
        let (contents, seal) = verify::read(&from, &at, |path| create(&to, path).map(Some))?;
        remove_damaged(&to, &contents)?;
        Ok((contents, seal))
    })
    .await?;
    let database = staging.folder.join(DATABASE);
    verify::check_database(&database, &contents, progress).await?;
    snapshot::skip_sequences(&database, SKIPPED).await?;
    let restored = Restored {
        backup: file.to_owned(),
        seal,
        created_at: contents.opening.created_at,
        outbox: contents.database.outbox,
        missing: contents.damaged,
        restored_at: cx.now(),
        moved_aside: (!is_empty(&data)?).then(|| aside(&data, cx.now())),
    };
    progress.begin("putting it in place", 0);
    blocking(move || {
        fs::write(
            staging.folder.join(RESTORED_FILE),
            serde_json::to_vec_pretty(&restored).expect("what was restored is plain data"),
        )?;
        sync_folders(&staging.folder)?;
        staging.put_in_place(restored.moved_aside.as_deref())?;
        Ok(restored)
    })
    .await
}

/// Where the files are until all are there: beside the folder, on the same file system.
struct Staging {
    data: PathBuf,
    folder: PathBuf,
    lock: PathBuf,
    _locked: File,
}

impl Staging {
    fn make(data: &Path) -> Result<Self> {
        let beside = |end: &str| PathBuf::from(format!("{}.{end}", data.display()));
        let (folder, lock) = (beside("restoring"), beside("restoring.lock"));
        let failed = |error: io::Error| {
            let reason = format!("{} cannot be made: {error}", folder.display());
            Error::invalid_value("data-dir", reason, "a folder in a folder that this user can write")
        };
        if let Some(parent) = data.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&lock).map_err(failed)?;
        if file.try_lock().is_err() {
            let message = format!("another restore into {} is under way", data.display());
            return Err(Error::conflict(message));
        }
        // What a killed predecessor left; nobody else writes there.
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
        Ok(Self { data: data.to_owned(), folder, lock, _locked: file })
    }

    /// One rename, or two where something is to be moved aside: between them a kill leaves both, complete, beside each other.
    fn put_in_place(&self, aside: Option<&Path>) -> Result<()> {
        let failed = |error: io::Error| {
            let reason = format!("{} cannot be put in place: {error}", self.data.display());
            let allowed = "a folder that can be renamed; a mount point cannot: restore into a folder in it";
            Error::invalid_value("data-dir", reason, allowed).caused_by(error)
        };
        match aside {
            Some(aside) => fs::rename(&self.data, aside).map_err(failed)?,
            None if self.data.exists() => fs::remove_dir(&self.data).map_err(failed)?,
            None => {}
        }
        fs::rename(&self.folder, &self.data).map_err(failed)?;
        if let Some(parent) = self.data.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.folder);
        let _gone = fs::remove_file(&self.lock);
    }
}

fn create(folder: &Path, path: &str) -> Result<File> {
    let target = folder.join(path);
    if let Some(parent) = target.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target);
    file.map_err(|error| Error::unavailable(format!("{path} cannot be written: {error}")).caused_by(error))
}

fn remove_damaged(folder: &Path, contents: &Contents) -> Result<()> {
    let listed = |path: &String| contents.files.iter().any(|file| file.path == *path);
    for path in contents.damaged.iter().filter(|path| listed(path)) {
        fs::remove_file(folder.join(path))?;
    }
    Ok(())
}

fn is_empty(folder: &Path) -> Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => {
            let reason = format!("{} cannot be read: {error}", folder.display());
            Err(Error::invalid_value("data-dir", reason, "a folder, or none"))
        }
    }
}

fn aside(data: &Path, now: Timestamp) -> PathBuf {
    PathBuf::from(format!("{}.before-{}", data.display(), now.strftime("%Y%m%dT%H%M%SZ")))
}

fn sync_folders(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    Ok(File::open(folder)?.sync_all()?)
}
