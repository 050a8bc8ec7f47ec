//! The runner's key, made on first start. Whoever has the file is the node.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use thunderline_core::{Error, Result};
use thunderline_flower::auth::SigningKey;

/// Reads the key in this folder, or makes it, readable by the owner only.
pub(crate) fn load_or_make(state: &Path) -> Result<SigningKey> {
    let path = state.join("runner.key");
    match fs::read(&path) {
        Ok(document) => SigningKey::from_pkcs8(&document),
        Err(error) if error.kind() == ErrorKind::NotFound => make(state, &path),
        Err(error) => Err(cannot("read", &path, error)),
    }
}

fn make(state: &Path, path: &Path) -> Result<SigningKey> {
    fs::create_dir_all(state).map_err(|error| cannot("make", state, error))?;
    let document = SigningKey::generate()?;
    // Written beside and then linked, so that a crash leaves no half key, and of two runners that start at once the
    // second one takes the first one's key.
    let draft = state.join(format!("runner.key.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(|error| cannot("write", &draft, error))?;
    file.write_all(&document)
        .and_then(|()| file.sync_all())
        .map_err(|error| cannot("write", &draft, error))?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).map_err(|error| cannot("remove", &draft, error))?;
    match linked {
        Ok(()) => SigningKey::from_pkcs8(&document),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let document = fs::read(path).map_err(|error| cannot("read", path, error))?;
            SigningKey::from_pkcs8(&document)
        }
        Err(error) => Err(cannot("write", path, error)),
    }
}

pub(crate) fn cannot(verb: &str, path: &Path, error: std::io::Error) -> Error {
    Error::internal(format!("cannot {verb} {}", path.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("a/b");
        let first = load_or_make(&state).unwrap().public_key();
        assert_eq!(load_or_make(&state).unwrap().public_key(), first);
        let mode = fs::metadata(state.join("runner.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
    }
}
