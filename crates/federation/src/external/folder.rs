//! A folder that goes when the work is over. What a crash left is removed before the next run, and at the next start.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thunderline_core::{Error, Result};

pub(super) struct Folder(PathBuf);

impl Folder {
    /// An empty folder at this path. Programs are told whole paths, so it is made absolute.
    pub fn make(path: &Path) -> Result<Self> {
        clear(path)?;
        fs::create_dir_all(path).map_err(|error| cannot("make", path, error))?;
        Ok(Self(path.canonicalize().map_err(|error| cannot("read", path, error))?))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = clear(&self.0) {
            tracing::warn!(error = error.chain(), "a strategy's folder stays behind");
        }
    }
}

/// Removes a folder with all that is in it, if it is there.
pub(super) fn clear(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("remove", path, error)),
        _ => Ok(()),
    }
}

fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    Error::internal(format!("cannot {what} {}", path.display())).caused_by(error)
}
