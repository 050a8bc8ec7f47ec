//! Looking at everything that is stored, without knowing what it is for.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use thunderline_core::Result;

use crate::{Area, Objects, Sha256};

/// A blob as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it is below the root folder, for example `rounds/ID/train/DIGEST`.
    pub path: PathBuf,
    /// What its bytes must be.
    pub digest: Sha256,
    /// How many there are.
    pub length: u64,
    /// When it was stored, by the file system's clock.
    pub stored: SystemTime,
}

impl Objects {
    /// Every blob of every area, in order of their paths. Files that no blob has as its name are left out, and the area
    /// `probe`, in which blobs are written to see whether they can be.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub fn walk(&self) -> Result<Vec<Stored>> {
        let mut found = Vec::new();
        let root = self.root();
        for area in folders(root)? {
            if area.file_name().is_some_and(|name| name != "incoming" && name != "probe") {
                collect(root, &area, &mut found)?;
            }
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }
}

impl Area {
    /// The blobs of this area, in no order.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub fn walk(&self) -> Result<Vec<Stored>> {
        let mut found = Vec::new();
        match collect(self.root(), self.folder(), &mut found) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            done => {
                done?;
                Ok(found)
            }
        }
    }
}

fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Stored>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(root, &path, found)?;
            continue;
        }
        let Some(digest) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let about = entry.metadata()?;
        let path = path.strip_prefix(root).unwrap_or(&path).to_owned();
        found.push(Stored { path, digest, length: about.len(), stored: about.modified()? });
    }
    Ok(())
}
