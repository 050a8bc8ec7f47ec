//! A blob that arrives over broken connections, and through restarts of the process that takes it in.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use thunderline_core::{Error, ErrorKind, Result};

use crate::{Area, Hasher, Sha256};

/// The folder, within an area, of what is incomplete. It goes with its area.
const FOLDER: &str = "partial";
/// Keeps an incomplete blob's file from being taken for a blob.
const SUFFIX: &str = ".part";

/// A blob that is being appended to. Unlike a [`crate::Writer`]'s, its bytes stay when it is dropped: the length of the file
/// is what counts as received, and there is no other bookkeeping that a crash could leave behind. The bytes are not forced
/// to disk: what a power cut does to them is found when the digest is checked.
pub struct Partial {
    area: Area,
    path: PathBuf,
    digest: Sha256,
    // Locked, so that nobody else changes bytes that are hashed here.
    file: File,
    hasher: Hasher,
    length: u64,
}

impl Area {
    /// What `owner` was in the middle of: the blob, and how many of its bytes are there.
    ///
    /// # Errors
    /// `internal` where the disk fails, or for an owner that cannot name an area.
    pub fn partial(&self, owner: &str) -> Result<Option<(Sha256, u64)>> {
        let entries = match fs::read_dir(self.partials(owner)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let digest = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok());
            if let Some(digest) = digest {
                return match entry.metadata() {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    about => Ok(Some((digest, about?.len()))),
                };
            }
        }
        Ok(None)
    }

    /// Goes on with a blob, or begins it where nothing of it is there. An owner has one incomplete blob at a time: any other
    /// that it began is forgotten.
    ///
    /// # Errors
    /// `conflict` where somebody else is appending to it, or has just completed it; `not_found` where the area's folder is
    /// gone; `internal` where the disk fails.
    pub fn resume(&self, owner: &str, digest: &Sha256) -> Result<Partial> {
        let folder = self.partials(owner)?;
        if !self.folder().is_dir() {
            return Err(Error::not_found("the place of this upload"));
        }
        fs::create_dir_all(&folder)?;
        if let Some((other, _)) = self.partial(owner)?.filter(|(other, _)| other != digest) {
            remove(&folder.join(format!("{other}{SUFFIX}")))?;
        }
        let path = folder.join(format!("{digest}{SUFFIX}"));
        let mut file = File::options().read(true).append(true).create(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::conflict("another request goes on with this object"));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        // Whoever held the lock before may have completed it: then this is a finished blob, not to be touched.
        let opened = file.metadata()?;
        if fs::metadata(&path).map_or(true, |named| named.ino() != opened.ino()) {
            return Err(Error::conflict("another request has completed this object"));
        }
        let (mut hasher, mut length) = (Hasher::new(), 0);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            length += count as u64;
        }
        Ok(Partial { area: self.clone(), path, digest: *digest, file, hasher, length })
    }

    /// Forgets what `owner` was in the middle of.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub fn forget_partial(&self, owner: &str) -> Result<()> {
        match fs::remove_dir_all(self.partials(owner)?) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn partials(&self, owner: &str) -> Result<PathBuf> {
        Ok(self.below(FOLDER)?.below(owner)?.folder().to_owned())
    }
}

impl Partial {
    /// How many bytes are there.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Adds the next bytes.
    ///
    /// # Errors
    /// `internal` where the disk fails. What was written is then found by going on anew.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// All bytes, read from the disk: for what is handed on instead of being kept as a blob. They stay until they are forgotten.
    ///
    /// # Errors
    /// `invalid` where the bytes are not what the digest says: they are forgotten. `internal` where the disk fails.
    pub fn content(mut self) -> Result<Vec<u8>> {
        self.file.rewind()?;
        let mut bytes = Vec::with_capacity(usize::try_from(self.length).unwrap_or(0));
        self.file.read_to_end(&mut bytes)?;
        check(self.hasher, &self.digest, &self.path)?;
        Ok(bytes)
    }

    /// Gives the blob its name, all its bytes being there. Forced to disk it is not: see [`Area::sync`].
    ///
    /// # Errors
    /// `invalid` where the bytes are not what the digest says: they are forgotten. `internal` where the disk fails.
    pub fn finish(self) -> Result<()> {
        check(self.hasher, &self.digest, &self.path)?;
        Ok(self.area.name(&self.path, &self.digest)?)
    }
}

/// Whether this is what was announced; forgets it where it is not.
fn check(hasher: Hasher, digest: &Sha256, path: &Path) -> Result<()> {
    let found = hasher.finish();
    if found == *digest {
        return Ok(());
    }
    remove(path)?;
    let message = format!("the bytes have the digest {found}, not {digest} as announced");
    Err(Error::new(ErrorKind::Invalid, message))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Objects;

    /// An area whose folder is there.
    fn area() -> (tempfile::TempDir, Area) {
        let folder = tempfile::tempdir().unwrap();
        let area = Objects::open(folder.path()).unwrap().area("rounds/1").unwrap();
        fs::create_dir_all(area.folder()).unwrap();
        (folder, area)
    }

    #[test]
    fn a_blob_goes_on_where_it_stopped_also_in_another_process() {
        let (folder, area) = area();
        let digest = Sha256::of(b"half and half");
        assert_eq!(area.partial("a").unwrap(), None);
        area.resume("a", &digest).unwrap().append(b"half ").unwrap();
        assert_eq!(area.partial("a").unwrap(), Some((digest, 5)));
        let area = Objects::open(folder.path()).unwrap().area("rounds/1").unwrap();
        let mut partial = area.resume("a", &digest).unwrap();
        assert_eq!(partial.length(), 5);
        assert!(!area.contains(&digest));
        partial.append(b"and half").unwrap();
        partial.finish().unwrap();
        assert!(area.verify(&digest).unwrap());
        assert_eq!(area.partial("a").unwrap(), None);
    }

    #[test]
    fn each_owner_has_one_and_does_not_touch_anothers() {
        let (_folder, area) = area();
        let (one, two) = (Sha256::of(b"one"), Sha256::of(b"two"));
        area.resume("a", &one).unwrap().append(b"o").unwrap();
        area.resume("b", &one).unwrap().append(b"on").unwrap();
        area.resume("a", &two).unwrap().append(b"tw").unwrap();
        assert_eq!(area.partial("a").unwrap(), Some((two, 2)));
        assert_eq!(area.partial("b").unwrap(), Some((one, 2)));
        area.forget_partial("a").unwrap();
        area.forget_partial("a").unwrap();
        assert_eq!((area.partial("a").unwrap(), area.partial("b").unwrap()), (None, Some((one, 2))));
        assert!(area.partial("../b").is_err());
    }

    #[test]
    fn two_cannot_append_at_once_and_a_finished_blob_is_not_appended_to() {
        let (_folder, area) = area();
        let digest = Sha256::of(b"blob");
        let mut first = area.resume("a", &digest).unwrap();
        assert_eq!(area.resume("a", &digest).err().unwrap().code(), "conflict");
        first.append(b"blob").unwrap();
        first.finish().unwrap();
        // Begun anew: the finished one keeps its bytes.
        area.resume("a", &digest).unwrap().append(b"x").unwrap();
        assert!(area.verify(&digest).unwrap());
    }

    #[test]
    fn bytes_that_are_not_what_was_announced_are_forgotten() {
        let (_folder, area) = area();
        let digest = Sha256::of(b"honest");
        let mut partial = area.resume("a", &digest).unwrap();
        partial.append(b"forged").unwrap();
        assert_eq!(partial.finish().unwrap_err().code(), "invalid");
        assert!(!area.contains(&digest));
        assert_eq!(area.partial("a").unwrap(), None);
        let mut partial = area.resume("a", &digest).unwrap();
        partial.append(b"forged").unwrap();
        assert_eq!(partial.content().unwrap_err().code(), "invalid");
        assert_eq!(area.partial("a").unwrap(), None);
    }

    #[test]
    fn what_is_handed_on_is_read_as_often_as_needed_and_becomes_no_blob() {
        let (_folder, area) = area();
        let digest = Sha256::of(b"half and half");
        area.resume("a", &digest).unwrap().append(b"half ").unwrap();
        let mut partial = area.resume("a", &digest).unwrap();
        partial.append(b"and half").unwrap();
        assert_eq!(partial.content().unwrap(), b"half and half");
        assert_eq!(area.resume("a", &digest).unwrap().content().unwrap(), b"half and half");
        assert!(!area.contains(&digest));
    }

    #[test]
    fn what_is_incomplete_is_no_blob_and_goes_with_its_area() {
        let (_folder, area) = area();
        let digest = Sha256::of(b"blob");
        area.resume("a", &digest).unwrap().append(b"bl").unwrap();
        assert_eq!(area.walk().unwrap(), []);
        area.remove().unwrap();
        assert_eq!(area.partial("a").unwrap(), None);
        assert_eq!(area.resume("a", &digest).err().unwrap().code(), "not_found");
    }
}
