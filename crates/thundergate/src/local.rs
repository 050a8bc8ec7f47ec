//! The local operator: whoever can read the data folder may steer the installation.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use thunderline_core::{Cx, ErrorKind, Result, Role};
use thunderline_store::Db;

use crate::{authenticate, token};

/// What a local operator is called in tokens and audit rows, before `@` and the name of the server's process.
pub const NAME: &str = "local-operator";

/// Where the local operator's token is.
#[must_use]
pub fn token_path(data: &Path) -> PathBuf {
    data.join("operator.token")
}

/// Makes sure that the data folder of the process `node` holds a token that works, readable by its owner only. Gives whether
/// it was made now. Processes that share a database have tokens of their own; a new one revokes only earlier ones of the
/// same process.
///
/// # Errors
/// `internal` where the file cannot be read or written; `unavailable` where it cannot be asked whether the token works.
pub async fn ensure_operator_token(cx: &Cx, db: &Db, data: &Path, node: &str) -> Result<bool> {
    let path = token_path(data);
    match fs::read_to_string(&path) {
        Ok(text) => match authenticate(cx, db, &text).await {
            Ok(_) => return Ok(false),
            Err(refused) if refused.kind() == ErrorKind::Unauthenticated => {}
            Err(other) => return Err(other),
        },
        Err(missing) if matches!(missing.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {}
        Err(other) => return Err(other.into()),
    }
    let text = token::create(cx, db, &format!("{NAME}@{node}"), Role::Admin).await?;
    write_private(&path, text.as_bytes())?;
    Ok(true)
}

/// Writes a file that only its owner can read: whole, or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(())
}
