//! The sites among whom a runner hides: a file with one identity a line.

use std::{collections::BTreeSet, fs, path::Path};

use thunderline_core::Error;

use crate::failure::Result;

/// Reads the file. Empty lines, and what follows a `#`, do not count.
pub fn read(path: &Path) -> Result<BTreeSet<[u8; 32]>> {
    let text = fs::read_to_string(path).map_err(|error| {
        Error::invalid_value(
            "--secure-peers",
            format!("{}: {error}", path.display()),
            "a file that can be read",
        )
    })?;
    let mut peers = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let identity = identity(line).ok_or_else(|| {
            let reason = format!("line {number} of {} is no identity", path.display());
            Error::invalid_value("--secure-peers", reason, "64 hex digits a line, as in a site's secure.pub")
        })?;
        peers.insert(identity);
    }
    if peers.is_empty() {
        let reason = format!("{} names no site", path.display());
        return Err(Error::invalid_value(
            "--secure-peers",
            reason,
            "at least one line of a site's secure.pub",
        )
        .into());
    }
    Ok(peers)
}

fn identity(line: &str) -> Option<[u8; 32]> {
    if line.len() != 64 || !line.is_ascii() {
        return None;
    }
    let mut identity = [0; 32];
    for (place, byte) in identity.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&line[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_read_and_what_is_none_is_named_by_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers");
        fs::write(&path, format!("# Berlin\n{}\n\n{} # Bonn\n", "ab".repeat(32), "01".repeat(32))).unwrap();
        assert_eq!(read(&path).unwrap(), BTreeSet::from([[0xab; 32], [1; 32]]));
        fs::write(&path, format!("{}\nnobody\n", "ab".repeat(32))).unwrap();
        assert!(format!("{:?}", read(&path).unwrap_err()).contains("line 2"));
        assert!(read(&folder.path().join("none")).is_err());
        fs::write(&path, "# nobody yet\n\n").unwrap();
        assert!(format!("{:?}", read(&path).unwrap_err()).contains("names no site"));
    }
}
