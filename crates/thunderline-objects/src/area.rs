//! Areas: folders of blobs that live and die together.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use thunderline_core::{Error, Result};

use crate::{Hasher, Hold, Sha256, Writer, hold::Removals};

/// Forcing more files than this to disk one by one takes longer than forcing the whole file system.
const MANY: usize = 32;

/// All blobs of an installation: a root folder with areas in it.
#[derive(Clone, Debug)]
pub struct Objects {
    root: Arc<PathBuf>,
    counter: Arc<AtomicU64>,
    removals: Arc<Removals>,
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
        Ok(Self { root: Arc::new(root), counter: Arc::default(), removals: Arc::default() })
    }

    /// The root folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Holds back every removal by this and its clones while what is returned lives.
    pub fn hold(&self) -> Hold {
        self.removals.hold()
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

    /// The folder of what is on its way. What is left in it is gone when the folder is opened again.
    #[must_use]
    pub fn incoming(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// Where a blob is collected before it gets its name: one file system with the areas, so that a rename suffices.
    fn unnamed(&self) -> PathBuf {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        self.incoming().join(format!("{}-{number}", std::process::id()))
    }
}

impl Area {
    /// The area of this name within this one.
    pub(crate) fn below(&self, name: &str) -> Result<Self> {
        let within = self.objects.area(name)?;
        let name = within.folder.strip_prefix(self.root()).expect("areas are below the root");
        Ok(Self { folder: self.folder.join(name), objects: within.objects })
    }

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
        Writer::create(self.clone(), self.objects.unnamed())
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
        let incoming = self.objects.unnamed();
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

    /// Forces these blobs and their names to disk: what is promised of them afterwards survives a power cut.
    ///
    /// # Errors
    /// `not_found` where one is missing; `internal` where the disk fails.
    pub fn sync(&self, digests: &[Sha256]) -> Result<()> {
        if digests.is_empty() {
            return Ok(());
        }
        if digests.len() > MANY {
            for digest in digests {
                self.length(digest)?;
            }
            return rustix::fs::syncfs(File::open(&self.folder)?)
                .map_err(|error| io::Error::from(error).into());
        }
        for digest in digests {
            self.open(digest)?.sync_data()?;
        }
        Ok(File::open(&self.folder)?.sync_all()?)
    }

    /// Throws the whole area away, or lets it be thrown away at the end of a [`Hold`]. An area that never held anything
    /// counts as thrown away.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub fn remove(&self) -> Result<()> {
        self.objects.removals.folder(self.folder.clone())
    }

    /// Removes one blob that was stored before `before`, and gives whether it did. Not while something holds removals
    /// back, and not where it was stored (again) since: whoever stores a blob writes down afterwards what it is for.
    ///
    /// # Errors
    /// `internal` where the disk fails.
    pub fn remove_blob(&self, digest: &Sha256, before: SystemTime) -> Result<bool> {
        let path = self.path_of(digest);
        self.objects.removals.unless_held(|| match fs::metadata(&path) {
            Ok(about) if about.modified()? < before => {
                fs::remove_file(&path)?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        })
    }

    pub(crate) fn root(&self) -> &Path {
        self.objects.root()
    }

    /// Gives a complete file its name.
    pub(crate) fn name(&self, file: &Path, digest: &Sha256) -> io::Result<()> {
        self.objects.removals.name(|| fs::rename(file, self.path_of(digest)))
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

    const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

    fn stored(area: &Area, digest: &Sha256) -> SystemTime {
        fs::metadata(area.path_of(digest)).unwrap().modified().unwrap()
    }

    #[test]
    fn nothing_vanishes_while_it_is_held() {
        let (_folder, objects) = objects();
        let (uploads, kept) = (objects.area("rounds/1").unwrap(), objects.checkpoints().unwrap());
        let (upload, model) = (uploads.put(b"upload").unwrap(), kept.put(b"model").unwrap());
        let later = stored(&kept, &model) + MINUTE;
        let (first, second) = (objects.hold(), objects.hold());
        uploads.remove().unwrap();
        assert!(!kept.remove_blob(&model, later).unwrap());
        drop(first);
        assert!(uploads.contains(&upload) && kept.contains(&model), "the second still holds");
        drop(second);
        assert!(!uploads.contains(&upload), "what waited is gone");
        assert!(kept.contains(&model), "single blobs are removed anew");
        assert!(kept.remove_blob(&model, later).unwrap());
        assert!(!kept.remove_blob(&model, later).unwrap(), "it is gone already");
    }

    #[test]
    fn a_blob_that_was_stored_again_is_not_removed() {
        let (_folder, objects) = objects();
        let kept = objects.checkpoints().unwrap();
        let model = kept.put(b"model").unwrap();
        let before = stored(&kept, &model) - MINUTE;
        assert!(!kept.remove_blob(&model, before).unwrap());
        kept.sync(&[model]).unwrap();
        kept.sync(&vec![model; MANY + 1]).unwrap();
        assert_eq!(kept.sync(&[Sha256::of(b"other")]).unwrap_err().code(), "not_found");
    }

    #[test]
    fn everything_stored_is_found_and_nothing_half_written() {
        let (_folder, objects) = objects();
        let (train, kept) = (objects.area("rounds/1/train").unwrap(), objects.checkpoints().unwrap());
        let (upload, model) = (train.put(b"upload").unwrap(), kept.put(b"model").unwrap());
        let mut half = kept.writer().unwrap();
        half.write_all(b"half").unwrap();
        fs::write(kept.folder().join("note.txt"), b"not ours").unwrap();
        let found: Vec<_> =
            objects.walk().unwrap().into_iter().map(|it| (it.path, it.digest, it.length)).collect();
        let path = |area: &str, digest: &Sha256| PathBuf::from(area).join(digest.to_string());
        assert_eq!(
            found,
            [(path("checkpoints", &model), model, 5), (path("rounds/1/train", &upload), upload, 6)]
        );
        assert_eq!(objects.area("rounds/2").unwrap().walk().unwrap(), []);
        assert_eq!(train.walk().unwrap().len(), 1);
    }
}
