//! Reading an archive, with every check there is. Blocking, but for the look into the database.

use std::{
    fs::File,
    io::{BufReader, Read, Write},
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tar::{Archive, EntryType};
use thunderline_core::{Error, ErrorKind, Result};
use thunderline_objects::{Hasher, Sha256};
use thunderline_store::snapshot::{self, Inventory};

use super::{
    Progress,
    format::{CONTENTS, Contents, DATA, DATABASE, Entry, LARGEST_CONTENTS, OPENING, Opening, is_plain},
    progress::CancelOnDrop,
};
use crate::blocking;

const PIECE: usize = 1 << 20;
/// Tar counts in blocks, and ends with two empty ones.
const BLOCK: u64 = 512;

/// A backup that is good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Who wrote it, and when.
    pub opening: Opening,
    /// The digest of its table of contents.
    pub seal: Sha256,
    /// How many files it holds.
    pub files: u64,
    /// How many bytes these have.
    pub bytes: u64,
    /// Objects that were damaged already when it was made; they are not restored.
    pub damaged: Vec<String>,
    /// What the database holds.
    pub database: Inventory,
}

impl Verified {
    fn new(contents: Contents, seal: Sha256) -> Self {
        Self {
            files: contents.files.len() as u64,
            bytes: contents.files.iter().map(|file| file.size).sum(),
            opening: contents.opening,
            seal,
            damaged: contents.damaged,
            database: contents.database,
        }
    }
}

/// Reads the whole file: every digest is compared, and the database is checked page by page. `scratch` is an empty folder
/// with room for the database.
///
/// # Errors
/// `invalid` for anything but a good backup, saying what is wrong; `not_found`.
pub async fn verify(file: &Path, scratch: &Path, progress: &Arc<Progress>) -> Result<Verified> {
    let (from, copy, at) = (file.to_owned(), scratch.join(DATABASE), progress.clone());
    let _stops = CancelOnDrop(progress.clone());
    let (contents, seal) = blocking(move || {
        read(&from, &at, |path| Ok(if path == DATABASE { Some(File::create_new(&copy)?) } else { None }))
    })
    .await?;
    check_database(&scratch.join(DATABASE), &contents, progress).await?;
    Ok(Verified::new(contents, seal))
}

/// The database in the archive is sound, and the one that the table of contents tells of.
pub(super) async fn check_database(file: &Path, contents: &Contents, progress: &Progress) -> Result<()> {
    progress.begin("checking the database", 0);
    if snapshot::inspect(file).await? != contents.database {
        return Err(bad("its database holds something else than its table of contents says"));
    }
    Ok(())
}

/// Reads the archive from end to end and compares everything with its table of contents. `sink` says where a file's bytes
/// go; they are forced to disk there.
pub(super) fn read(
    file: &Path,
    progress: &Progress,
    mut sink: impl FnMut(&str) -> Result<Option<File>>,
) -> Result<(Contents, Sha256)> {
    let source = File::open(file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::not_found(format_args!("the backup {}", file.display())),
        _ => Error::invalid_value("backup", format!("{}: {error}", file.display()), "a readable file"),
    })?;
    let about = source.metadata()?;
    if about.is_dir() {
        let reason = format!("{} is a folder", file.display());
        return Err(Error::invalid_value("backup", reason, "a file that 'thunderline backup' finished"));
    }
    let length = about.len();
    progress.begin("reading the backup", length);
    let mut archive = Archive::new(BufReader::with_capacity(PIECE, source));
    let read = read_entries(&mut archive, length, progress, &mut sink);
    read.map_err(|error| match error.kind() {
        ErrorKind::Invalid => Error::new(ErrorKind::Invalid, format!("{}: {error}", file.display())),
        _ => error,
    })
}

fn read_entries(
    archive: &mut Archive<impl Read>,
    length: u64,
    progress: &Progress,
    sink: &mut dyn FnMut(&str) -> Result<Option<File>>,
) -> Result<(Contents, Sha256)> {
    let (mut opening, mut found) = (None::<Opening>, Vec::<Entry>::new());
    for entry in archive.entries().map_err(|error| unreadable(&error))? {
        let mut entry = entry.map_err(|error| unreadable(&error))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != EntryType::Regular {
            return Err(bad(format!("'{}' is no plain file", name.escape_debug())));
        }
        let Some(opening) = &opening else {
            if name != OPENING {
                return Err(bad("it does not begin as a backup does"));
            }
            let first: Opening = json(&mut entry, OPENING)?.0;
            first.check()?;
            opening = Some(first);
            continue;
        };
        if name == CONTENTS {
            let size = entry.size().div_ceil(BLOCK) * BLOCK;
            let end = entry.raw_file_position() + size + 2 * BLOCK;
            let (contents, seal): (Contents, _) = json(&mut entry, CONTENTS)?;
            if end != length {
                return Err(bad("it is longer or shorter than its table of contents allows"));
            }
            compare(opening, &found, &contents)?;
            return Ok((contents, seal));
        }
        let path = name.strip_prefix(DATA).filter(|path| is_plain(path));
        let path = path.ok_or_else(|| bad(format!("'{}' does not belong in it", name.escape_debug())))?;
        found.push(copy(&mut entry, path, progress, sink)?);
    }
    Err(bad("it has no table of contents: it was not finished, or its end is missing"))
}

fn copy(
    entry: &mut impl Read,
    path: &str,
    progress: &Progress,
    sink: &mut dyn FnMut(&str) -> Result<Option<File>>,
) -> Result<Entry> {
    let mut out = sink(path)?;
    let (mut hasher, mut size, mut buffer) = (Hasher::new(), 0, vec![0; PIECE]);
    loop {
        let count = entry.read(&mut buffer).map_err(|error| unreadable(&error))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
        progress.add(count as u64)?;
        if let Some(out) = &mut out {
            out.write_all(&buffer[..count]).map_err(|error| {
                Error::unavailable(format!("{path} cannot be written: {error}")).caused_by(error)
            })?;
        }
    }
    if let Some(out) = out {
        out.sync_all()?;
    }
    Ok(Entry { path: path.to_owned(), size, sha256: hasher.finish() })
}

fn json<T: serde::de::DeserializeOwned>(entry: &mut impl Read, name: &str) -> Result<(T, Sha256)> {
    let mut bytes = Vec::new();
    entry.take(LARGEST_CONTENTS).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    let value =
        serde_json::from_slice(&bytes).map_err(|error| bad(format!("its {name} is damaged: {error}")))?;
    Ok((value, Sha256::of(&bytes)))
}

fn compare(opening: &Opening, found: &[Entry], contents: &Contents) -> Result<()> {
    if *opening != contents.opening {
        return Err(bad("its beginning and its table of contents were written by different hands"));
    }
    for (found, said) in found.iter().zip(&contents.files) {
        if found != said {
            return Err(bad(format!("{} is not what the table of contents says: it is damaged", found.path)));
        }
    }
    if found.len() != contents.files.len() {
        let (has, says) = (found.len(), contents.files.len());
        return Err(bad(format!("it has {has} files, and its table of contents says {says}")));
    }
    if found.first().is_none_or(|first| first.path != DATABASE) {
        return Err(bad("it has no database"));
    }
    Ok(())
}

fn unreadable(error: &std::io::Error) -> Error {
    // The archive's reader quotes what it found, whatever bytes these are: only the system's words are passed on.
    match error.raw_os_error() {
        Some(_) => bad(format!("it cannot be read ({error})")),
        None => bad("it is damaged or cut off, or no backup at all"),
    }
}

fn bad(reason: impl Into<String>) -> Error {
    Error::invalid_value("backup", reason, "a file that 'thunderline backup' finished")
}
