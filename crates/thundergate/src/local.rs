//! The local operator: whoever can read the data folder may steer the installation.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use thunderline_core::{Cx, Result, Role};
use thunderline_store::Db;

use crate::{authenticate, token};

/// The local operator's name in tokens and audit rows.
pub const NAME: &str = "local-operator";

/// Where the local operator's token is.
#[must_use]
pub fn token_path(data: &Path) -> PathBuf {
    data.join("operator.token")
}

/// Makes sure that the data folder holds a token that works, readable by its owner only. Gives whether it was made now.
///
/// # Errors
/// `internal` where the file cannot be written.
pub async fn ensure_operator_token(cx: &Cx, db: &Db, data: &Path) -> Result<bool> {
    let path = token_path(data);
    if let Ok(text) = fs::read_to_string(&path)
        && authenticate(cx, db, &text).await.is_ok()
    {
        return Ok(false);
    }
    let text = token::create(cx, db, NAME, Role::Admin).await?;
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
