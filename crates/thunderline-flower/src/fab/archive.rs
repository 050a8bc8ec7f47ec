//! The zip file around a bundle.

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};

use flate2::Crc;
use thunderline_core::Result;

use super::{CONTENT, MAX_BYTES, PYPROJECT};
use crate::{ObjectId, malformed};

/// The most files of a bundle.
const MAX_FILES: usize = 2_000;
/// The most bytes of all files together, unpacked.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;

/// The files of a bundle; `pyproject.toml` is among them, and each is as `.info/CONTENT` says.
pub(super) fn read(content: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = unpack(content)?;
    let list = files.remove(CONTENT).ok_or_else(|| refuse(format!("{CONTENT} is missing")))?;
    let list = String::from_utf8(list).map_err(|_| refuse(format!("{CONTENT} is not UTF-8")))?;
    let mut listed = std::collections::BTreeSet::new();
    for line in list.trim().split('\n') {
        let parts: Vec<_> = line.split(',').collect();
        let [path, hash, _bits] = parts[..] else {
            return Err(refuse(format!("{CONTENT} has a line that is not 'path,sha256,bits'")));
        };
        let file = files.get(path).ok_or_else(|| refuse(format!("{path} is listed but missing")))?;
        if ObjectId::of(file).to_string() != hash {
            return Err(refuse(format!("{path} is not the file that was packed")));
        }
        listed.insert(path);
    }
    if let Some(extra) =
        files.keys().find(|path| !listed.contains(path.as_str()) && !path.starts_with(".info/"))
    {
        return Err(refuse(format!("{extra} is there but not listed")));
    }
    if !files.contains_key(PYPROJECT) {
        return Err(refuse(format!("{PYPROJECT} is missing")));
    }
    Ok(files)
}

fn unpack(content: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    if content.len() > MAX_BYTES {
        return Err(refuse(format!("it has {} bytes", content.len())));
    }
    let unreadable = |error: &dyn std::fmt::Display| refuse(format!("the zip file cannot be read: {error}"));
    let mut zip = zip::ZipArchive::new(Cursor::new(content)).map_err(|error| unreadable(&error))?;
    if zip.len() > MAX_FILES {
        return Err(refuse(format!("it has {} files", zip.len())));
    }
    let mut files = BTreeMap::new();
    let mut left = MAX_UNPACKED;
    for i in 0..zip.len() {
        let entry = zip.by_index(i).map_err(|error| unreadable(&error))?;
        let name = entry.name().map_err(|error| unreadable(&error))?.into_owned();
        if entry.is_dir() {
            continue;
        }
        if !safe(&name) || entry.is_symlink() {
            return Err(refuse(format!("the file name '{}' leaves the bundle", name.escape_debug())));
        }
        // The size that the zip states is not believed.
        let mut bytes = Vec::new();
        entry.take(left + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        left =
            left.checked_sub(bytes.len() as u64).ok_or_else(|| refuse("it unpacks to more than 64 MiB"))?;
        if files.insert(name.clone(), bytes).is_some() {
            return Err(refuse(format!("{name} is there twice")));
        }
    }
    Ok(files)
}

fn safe(name: &str) -> bool {
    !name.contains(['\\', '\0', ':', ','])
        && name.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

fn refuse(reason: impl Into<String>) -> thunderline_core::Error {
    malformed("app bundle", reason, "a bundle as 'flwr build' makes it, at most 10 MiB")
}

// What Python's zipfile writes for an uncompressed entry: version 2.0 on Unix, mode 0600, 2024-10-01 00:00.
const VERSION: u16 = 20;
const UNIX: u16 = 3 << 8;
const DATE: u16 = (2024 - 1980) << 9 | 10 << 5 | 1;
const MODE: u32 = 0o600 << 16;
const UTF8_NAME: u16 = 1 << 11;

/// Packs files in the given order and adds `.info/CONTENT`. Nothing is compressed, as in Flower's own bundles: equal
/// files give equal bytes, whoever packs them.
pub(super) fn write(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let lines: Vec<_> = files
        .iter()
        .map(|(path, bytes)| format!("{path},{},{}", ObjectId::of(bytes), bytes.len() * 8))
        .collect();
    let content = (CONTENT.to_owned(), lines.join("\n").into_bytes());
    let (mut zip, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
    for (path, bytes) in files.iter().chain([&content]) {
        let offset = length(&zip);
        let common = entry(path, bytes);
        zip.extend_from_slice(b"PK\x03\x04");
        zip.extend_from_slice(&common);
        zip.extend_from_slice(path.as_bytes());
        zip.extend_from_slice(bytes);

        directory.extend_from_slice(b"PK\x01\x02");
        directory.extend_from_slice(&(VERSION | UNIX).to_le_bytes());
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 6]); // no comment, first disk, no internal attributes
        directory.extend_from_slice(&MODE.to_le_bytes());
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(path.as_bytes());
        count += 1;
    }
    let start = length(&zip);
    zip.extend_from_slice(&directory);
    zip.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    zip.extend_from_slice(&count.to_le_bytes());
    zip.extend_from_slice(&count.to_le_bytes());
    zip.extend_from_slice(&length(&directory).to_le_bytes());
    zip.extend_from_slice(&start.to_le_bytes());
    zip.extend_from_slice(&[0; 2]);
    zip
}

/// The part of an entry's header that the file and the directory share.
fn entry(path: &str, bytes: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(bytes);
    let flags = if path.is_ascii() { 0 } else { UTF8_NAME };
    let mut common = Vec::with_capacity(26);
    for short in [VERSION, flags, 0, 0, DATE] {
        common.extend_from_slice(&short.to_le_bytes());
    }
    for long in [crc.sum(), length(bytes), length(bytes)] {
        common.extend_from_slice(&long.to_le_bytes());
    }
    let name = u16::try_from(path.len()).expect("paths in a folder are shorter than 64 KiB");
    common.extend_from_slice(&name.to_le_bytes());
    common.extend_from_slice(&[0; 2]);
    common
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("the files' size was checked before packing")
}
