//! Files that this runner keeps from one task of a federation to the next, one for each federation and purpose.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thunderline_core::{Result, RunId};

use crate::key::cannot;

/// Federations whose files are kept; the longest unused go first, and begin anew when their federation comes back.
const MOST: usize = 32;

/// Where the file of this run is.
pub(crate) fn path(folder: &Path, run: RunId) -> PathBuf {
    folder.join(format!("{run}.safetensors"))
}

/// Keeps a file as that of this run, in place of the one before, whole or not at all. One that is not there any more was kept
/// before this runner was ended.
pub(crate) fn keep(file: &Path, folder: &Path, run: RunId) -> Result<()> {
    let path = path(folder, run);
    fs::create_dir_all(folder).map_err(|error| cannot("make", folder, error))?;
    match fs::rename(file, &path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        renamed => renamed.map_err(|error| cannot("write", &path, error))?,
    }
    forget_oldest(folder).map_err(|error| cannot("clear", folder, error))
}

/// Forgets the file of this run, if there is one.
pub(crate) fn forget(folder: &Path, run: RunId) -> Result<()> {
    let path = path(folder, run);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("remove", &path, error)),
        _ => Ok(()),
    }
}

fn forget_oldest(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let surplus = files.len().saturating_sub(MOST);
    files[..surplus].iter().try_for_each(|(_, path)| fs::remove_file(path))
}
