//! Writing the archive. Blocking.

use std::{
    fs::File,
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use tar::{Builder, Header};
use thunderline_core::{Error, Result};
use thunderline_objects::{Hasher, Objects, Sha256};
use thunderline_store::snapshot::Inventory;

use super::{
    Progress,
    format::{CONTENTS, Contents, DATA, DATABASE, Entry, OPENING, Opening},
};

/// The ends of names of files in the data folder that hold keys, tokens and certificates.
const SECRETS: [&str; 3] = ["key", "token", "pem"];

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// A file that is to be copied.
pub(super) struct Planned {
    path: String,
    from: PathBuf,
    size: u64,
    /// What its bytes must be, where its name says so.
    expected: Option<Sha256>,
}

/// All files of an installation: its database's copy, its secrets, its blobs.
pub(super) fn plan(data: &Path, objects: &Objects, database: &Path) -> Result<Vec<Planned>> {
    let length = |path: &Path| std::fs::metadata(path).map(|about| about.len());
    let mut files = vec![Planned {
        path: DATABASE.into(),
        from: database.to_owned(),
        size: length(database)?,
        expected: None,
    }];
    let mut secrets = Vec::new();
    for entry in std::fs::read_dir(data)? {
        let (entry, from) = entry.map(|entry| (entry.file_type(), entry.path()))?;
        let secret = from.extension().is_some_and(|end| SECRETS.iter().any(|secret| end == *secret));
        if let (Some(name), true, true) =
            (from.file_name().and_then(|name| name.to_str()), secret, entry?.is_file())
        {
            secrets.push(Planned { path: name.to_owned(), size: length(&from)?, from, expected: None });
        }
    }
    secrets.sort_by(|a, b| a.path.cmp(&b.path));
    files.extend(secrets);
    for blob in objects.walk()? {
        let Some(below) = blob.path.to_str() else { continue };
        files.push(Planned {
            path: format!("objects/{below}"),
            from: objects.root().join(&blob.path),
            size: blob.length,
            expected: Some(blob.digest),
        });
    }
    Ok(files)
}

/// How many bytes the files have.
pub(super) fn total(files: &[Planned]) -> u64 {
    files.iter().map(|file| file.size).sum()
}

/// Writes the archive; gives its contents and its seal.
pub(super) fn write(
    file: &File,
    opening: Opening,
    database: Inventory,
    files: &[Planned],
    progress: &Progress,
) -> Result<(Contents, Sha256)> {
    let mut archive = Builder::new(BufWriter::with_capacity(PIECE, file));
    let mtime = opening.created_at.as_second();
    append(&mut archive, OPENING, mtime, &json(&opening))?;
    let mut contents = Contents { opening, files: Vec::new(), damaged: Vec::new(), database };
    for planned in files {
        let mut source = Source::open(planned, progress)?;
        let name = format!("{DATA}{}", planned.path);
        let appended = archive.append_data(&mut header(mtime, planned.size), &name, &mut source);
        let (digest, read) = source.end()?;
        appended.map_err(|error| full(&error))?;
        if read != planned.size {
            return Err(Error::conflict(format!("{} changed while it was copied", planned.path)));
        }
        if planned.expected.is_some_and(|expected| expected != digest) {
            tracing::error!(object = planned.path, "an object is not what its name says: it is damaged");
            contents.damaged.push(planned.path.clone());
        }
        contents.files.push(Entry { path: planned.path.clone(), size: read, sha256: digest });
    }
    let table = json(&contents);
    append(&mut archive, CONTENTS, mtime, &table)?;
    let mut out = archive.into_inner().map_err(|error| full(&error))?;
    out.flush().map_err(|error| full(&error))?;
    Ok((contents, Sha256::of(&table)))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec_pretty(value).expect("what a backup says of itself is plain data")
}

fn append(archive: &mut Builder<impl Write>, name: &str, mtime: i64, bytes: &[u8]) -> Result<()> {
    let mut header = header(mtime, bytes.len() as u64);
    archive.append_data(&mut header, name, bytes).map_err(|error| full(&error))
}

fn header(mtime: i64, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(mtime).unwrap_or(0));
    header
}

fn full(error: &std::io::Error) -> Error {
    Error::unavailable(format!("the backup cannot be written: {error}"))
}

/// A file that is digested and counted while it is read.
struct Source<'a> {
    file: std::io::Take<File>,
    hasher: Hasher,
    read: u64,
    progress: &'a Progress,
    failed: Option<Error>,
}

impl<'a> Source<'a> {
    fn open(planned: &Planned, progress: &'a Progress) -> Result<Self> {
        let file = File::open(&planned.from).map_err(|error| {
            Error::internal(format!("{} cannot be read", planned.from.display())).caused_by(error)
        })?;
        Ok(Self { file: file.take(planned.size), hasher: Hasher::new(), read: 0, progress, failed: None })
    }

    fn end(self) -> Result<(Sha256, u64)> {
        self.failed.map_or_else(|| Ok((self.hasher.finish(), self.read)), Err)
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.read += count as u64;
        if let Err(error) = self.progress.add(count as u64) {
            self.failed = Some(error);
            return Err(std::io::Error::other("stopped"));
        }
        Ok(count)
    }
}
