//! Areas: folders of blobs that live and die together.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use thunderline_core::{Error, Result};

use crate::{Hasher, Sha256, Writer};

/// All blobs of an installation: a root folder with areas in it.
#[derive(Clone, Debug)]
pub struct Objects {
    root: Arc<PathBuf>,
    counter: Arc<AtomicU64>,
}

/// A folder of blobs, each named by its digest.
#[derive(Clone, Debug)]
pub struct Area {
    objects: Objects,
    folder: PathBuf,
}

impl Objects {
    /// Opens the root folder, making it if need be, and clears what an earlier process left half-written.
    ///
    /// # Errors
    /// `internal` where the folder cannot be made.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let incoming = root.join("incoming");
        fs::create_dir_all(&incoming).map_err(|error| {
            Error::internal(format!("cannot make the object folder {}", root.display())).caused_by(error)
        })?;
        for left in fs::read_dir(&incoming)? {
            fs::remove_file(left?.path())?;
        }
        Ok(Self { root: Arc::new(root), counter: Arc::default() })
    }

    /// The area of this name: one or more segments of letters, digits, `-` and `_`, separated by `/`.
    ///
    /// # Errors
    /// `internal` for any other name: names come from our own code, never from a request.
    pub fn area(&self, name: &str) -> Result<Area> {
        let plain = |segment: &str| {
            !segment.is_empty()
                && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if !name.split('/').all(plain) {
            return Err(Error::internal(format!("'{name}' cannot name an object area")));
        }
        Ok(Area { objects: self.clone(), folder: self.root.join(name) })
    }

    /// The kept models.
    ///
    /// # Errors
    /// None in practice: the name is valid.
    pub fn checkpoints(&self) -> Result<Area> {
        self.area("checkpoints")
    }

    /// The names of the areas directly below this one: `rounds` gives the ids of all rounds that hold uploads.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub fn below(&self, name: &str) -> Result<Vec<String>> {
        let folder = self.area(name)?.folder;
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    /// Where blobs are collected before they get their name: one file system with the areas, so that a rename suffices.
    fn incoming(&self) -> PathBuf {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        self.root.join("incoming").join(format!("{}-{number}", std::process::id()))
    }
}

impl Area {
    /// Where the blob is, or would be.
    #[must_use]
    pub fn path_of(&self, digest: &Sha256) -> PathBuf {
        self.folder.join(digest.to_string())
    }

    /// True where the blob is complete.
    #[must_use]
    pub fn contains(&self, digest: &Sha256) -> bool {
        self.path_of(digest).is_file()
    }

    /// Opens the blob for reading.
    ///
    /// # Errors
    /// `not_found` where there is no such blob.
    pub fn open(&self, digest: &Sha256) -> Result<File> {
        File::open(self.path_of(digest)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::not_found(format_args!("object {digest}")),
            _ => error.into(),
        })
    }

    /// The blob's length in bytes.
    ///
    /// # Errors
    /// `not_found` where there is no such blob.
    pub fn length(&self, digest: &Sha256) -> Result<u64> {
        Ok(self.open(digest)?.metadata()?.len())
    }

    /// Begins a blob whose bytes arrive in pieces.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub fn writer(&self) -> Result<Writer> {
        Writer::create(self.clone(), self.objects.incoming())
    }

    /// Stores bytes whose digest the caller has checked already; a blob that is there is left alone. The bytes are not
    /// forced to disk: a blob that a power cut takes is missing or fails [`Area::verify`], never silently wrong.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub fn put_checked(&self, digest: Sha256, bytes: &[u8]) -> Result<()> {
        let target = self.path_of(&digest);
        if target.is_file() {
            return Ok(());
        }
        let incoming = self.objects.incoming();
        let written = (|| {
            File::create_new(&incoming)?.write_all(bytes)?;
            match fs::rename(&incoming, &target) {
                // The area's first blob.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(&self.folder)?;
                    fs::rename(&incoming, &target)
                }
                done => done,
            }
        })();
        written.map_err(|error| {
            let _gone = fs::remove_file(&incoming);
            error.into()
        })
    }

    /// Stores bytes and makes them durable.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub fn put(&self, bytes: &[u8]) -> Result<Sha256> {
        let mut writer = self.writer()?;
        writer.write_all(bytes)?;
        Ok(writer.finish(None)?.0)
    }

    /// Reads the whole blob and compares its digest: true where it is what its name says.
    ///
    /// # Errors
    /// `not_found` where there is no such blob.
    pub fn verify(&self, digest: &Sha256) -> Result<bool> {
        let mut file = self.open(digest)?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 1 << 18];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(hasher.finish() == *digest);
            }
            hasher.update(&buffer[..count]);
        }
    }

    /// Throws the whole area away. An area that never held anything counts as thrown away.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub fn remove(&self) -> Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The area's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects() -> (tempfile::TempDir, Objects) {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::open(folder.path()).unwrap();
        (folder, objects)
    }

    #[test]
    fn a_blob_is_found_under_its_digest_and_verifies() {
        let (_folder, objects) = objects();
        let area = objects.checkpoints().unwrap();
        let digest = area.put(b"model").unwrap();
        assert_eq!(digest, Sha256::of(b"model"));
        assert!(area.contains(&digest) && area.verify(&digest).unwrap());
        assert_eq!(area.length(&digest).unwrap(), 5);
    }

    #[test]
    fn a_damaged_blob_fails_verification() {
        let (_folder, objects) = objects();
        let area = objects.checkpoints().unwrap();
        let digest = area.put(b"model").unwrap();
        fs::write(area.path_of(&digest), b"mOdel").unwrap();
        assert!(!area.verify(&digest).unwrap());
    }

    #[test]
    fn bytes_that_are_not_what_was_announced_leave_nothing_behind() {
        let (folder, objects) = objects();
        let area = objects.area("rounds/1").unwrap();
        let mut writer = area.writer().unwrap();
        writer.write_all(b"forged").unwrap();
        assert_eq!(writer.finish(Some(Sha256::of(b"honest"))).unwrap_err().code(), "invalid");
        assert!(!area.contains(&Sha256::of(b"forged")));
        assert_eq!(fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
    }

    #[test]
    fn removing_one_area_leaves_the_same_blob_in_another() {
        let (_folder, objects) = objects();
        let (one, two) = (objects.area("rounds/1").unwrap(), objects.area("rounds/2").unwrap());
        let digest = Sha256::of(b"shared");
        one.put_checked(digest, b"shared").unwrap();
        two.put_checked(digest, b"shared").unwrap();
        one.remove().unwrap();
        one.remove().unwrap();
        assert!(!one.contains(&digest) && two.contains(&digest));
        assert_eq!(one.open(&digest).unwrap_err().code(), "not_found");
    }

    #[test]
    fn an_area_name_cannot_leave_the_root() {
        let (_folder, objects) = objects();
        for wrong in ["", "..", "a/../b", "/etc", "a//b", "a b"] {
            assert!(objects.area(wrong).is_err(), "{wrong}");
        }
    }
}
