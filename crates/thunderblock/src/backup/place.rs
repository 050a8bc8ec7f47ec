//! Where a backup goes, under which name, and what of an unfinished one is left.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use thunderline_core::{Error, Result, Timestamp};

/// What files have at their end while they are written.
const PARTIAL: &str = "partial";
/// What the copied database has at its end until it is in the archive.
const COPY: &str = "partial-db";
/// What SQLite keeps beside the copy while it writes it.
const BESIDE: [&str; 3] = ["journal", "wal", "shm"];
/// Where a server puts backups unless told otherwise, below its data folder.
pub const FOLDER: &str = "backups";

/// The name of a backup of this time, for example `thunderline-20270115T080000Z.tar`.
#[must_use]
pub fn name(at: Timestamp) -> String {
    format!("thunderline-{}.tar", at.strftime("%Y%m%dT%H%M%SZ"))
}

/// The file that is meant. Only a path that ends in `.tar` is one; every other is a folder, made where it is missing, and
/// gets a name of its own.
///
/// # Errors
/// `invalid` where the path is relative, exists already, is in no folder, or cannot be made.
pub fn target(to: &Path, at: Timestamp) -> Result<PathBuf> {
    let refuse = |reason: &str| {
        let reason = format!("{} {reason}", to.display());
        Error::invalid_value("to", reason, "an absolute path of a folder, or of a new .tar file in one")
    };
    if !to.is_absolute() {
        return Err(refuse("is not absolute"));
    }
    let is_file = to.extension().is_some_and(|end| end == "tar") && !to.is_dir();
    if !is_file {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(to);
        made.map_err(|error| refuse(&format!("cannot be a folder: {error}")))?;
    }
    let target = if is_file { to.to_owned() } else { to.join(name(at)) };
    if target.exists() {
        return Err(refuse("exists already"));
    }
    match target.parent() {
        Some(folder) if folder.is_dir() => Ok(target),
        _ => Err(refuse("is in a folder that does not exist")),
    }
}

/// A file that is being written and does not have its name yet. Dropped unfinished, it is removed.
pub(super) struct Partial {
    target: PathBuf,
    path: PathBuf,
    copy: PathBuf,
    file: File,
}

impl Partial {
    /// Begins, and removes what killed predecessors left in the same folder.
    pub(super) fn begin(target: &Path) -> Result<Self> {
        let with = |end: &str| PathBuf::from(format!("{}.{end}", target.display()));
        let (path, copy) = (with(PARTIAL), with(COPY));
        if let Some(folder) = target.parent() {
            clear(folder, target)?;
        }
        let failed = |error: io::Error| {
            let message = format!("{} cannot be written: {error}", path.display());
            Error::invalid_value("to", message, "a folder that this user can write").caused_by(error)
        };
        let file = private(&path).map_err(failed)?;
        // What holds the lock lives; the operating system lets go of it however the process ends.
        file.try_lock().map_err(|error| Error::conflict(format!("{} is in use: {error}", path.display())))?;
        private(&copy).map_err(failed)?;
        Ok(Self { target: target.to_owned(), path, copy, file })
    }

    /// The file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Where the database is copied to; exists and is empty.
    pub(super) fn copy(&self) -> &Path {
        &self.copy
    }

    /// Forces it to disk and gives it its name.
    pub(super) fn finish(self) -> Result<u64> {
        self.file.sync_all()?;
        let length = self.file.metadata()?.len();
        fs::remove_file(&self.copy)?;
        remove_beside(&self.copy);
        name_it(&self.path, &self.target).map_err(|error| {
            Error::conflict(format!("{} cannot get its name: {error}", self.target.display()))
        })?;
        if let Some(folder) = self.target.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(length)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _gone = fs::remove_file(&self.path);
        let _gone = fs::remove_file(&self.copy);
        remove_beside(&self.copy);
    }
}

/// A name that was taken meanwhile stays whose it is, where the file system can promise that.
fn name_it(path: &Path, target: &Path) -> io::Result<()> {
    match renameat_with(CWD, path, CWD, target, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) if !target.exists() => fs::rename(path, target),
        done => Ok(done?),
    }
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Removes unfinished backups whose process is gone: those of archives in this folder, and those of this very name.
fn clear(folder: &Path, target: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    let ends = |path: &Path, end: &str| {
        path.extension().is_some_and(|found| found == end)
            && (path.file_stem() == target.file_name()
                || path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with(".tar")))
    };
    for path in paths.iter().filter(|path| ends(path, PARTIAL)) {
        if File::open(path).is_ok_and(|file| file.try_lock().is_ok()) {
            tracing::info!(file = %path.display(), "an unfinished backup is removed");
            fs::remove_file(path)?;
        }
    }
    // A copy is made after its archive was begun and removed before that has its name: without one, nobody needs it.
    let copies = [vec![COPY.to_owned()], BESIDE.map(beside_copy).to_vec()].concat();
    for copy in paths.iter().filter(|path| copies.iter().any(|end| ends(path, end))) {
        if !copy.with_extension(PARTIAL).exists() {
            fs::remove_file(copy)?;
        }
    }
    Ok(())
}

fn beside_copy(end: &str) -> String {
    format!("{COPY}-{end}")
}

/// Mostly there is nothing: only a copy that was cut off leaves something.
fn remove_beside(copy: &Path) {
    for end in BESIDE {
        let _gone = fs::remove_file(copy.with_extension(beside_copy(end)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gets_a_name_and_a_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let named = target(folder.path(), at).unwrap();
        assert_eq!(named, folder.path().join("thunderline-20270115T080000Z.tar"));
        fs::write(&named, b"precious").unwrap();
        let inside = named.join("x");
        for refused in
            [&named, folder.path(), Path::new("relative.tar"), &folder.path().join("no/such/x.tar"), &inside]
        {
            assert_eq!(target(refused, at).unwrap_err().code(), "invalid", "{}", refused.display());
        }
    }

    #[test]
    fn what_does_not_end_in_tar_is_a_folder_that_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let missing = folder.path().join("srv/backups");
        assert_eq!(target(&missing, at).unwrap(), missing.join("thunderline-20270115T080000Z.tar"));
        assert!(missing.is_dir());
        let file = folder.path().join("mine.tar");
        assert_eq!(target(&file, at).unwrap(), file);
        assert!(!file.exists());
        fs::create_dir(folder.path().join("odd.tar")).unwrap();
        assert_eq!(
            target(&folder.path().join("odd.tar"), at).unwrap().parent().unwrap().file_name().unwrap(),
            "odd.tar"
        );
    }

    #[test]
    fn what_was_not_finished_is_removed_and_what_is_being_written_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join("old.tar.partial");
        fs::write(&left, b"half").unwrap();
        let copies = ["old.tar.partial-db", "older.tar.partial-db", "older.tar.partial-db-journal"];
        for copy in copies {
            fs::write(folder.path().join(copy), b"half").unwrap();
        }
        let first = Partial::begin(&folder.path().join("one.tar")).unwrap();
        assert!(!left.exists(), "its process is gone");
        let second = Partial::begin(&folder.path().join("two.tar")).unwrap();
        assert!(folder.path().join("one.tar.partial").exists(), "it is being written");
        drop(second);
        assert_eq!(first.finish().unwrap(), 0);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names, ["one.tar"]);
    }

    #[test]
    fn leftovers_of_the_same_name_are_in_nobodys_way_whatever_it_ends_in() {
        let folder = tempfile::tempdir().unwrap();
        for left in ["plain.partial", "plain.partial-db", "plain.partial-db-journal", "mine.partial"] {
            fs::write(folder.path().join(left), b"half").unwrap();
        }
        drop(Partial::begin(&folder.path().join("plain")).unwrap());
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names, ["mine.partial"], "what may be somebody else's stays");
    }
}
