//! One server per data folder.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use thunderline_core::{Error, Result};

/// Held while a server uses the folder; the operating system lets go of it however the process ends.
pub struct DataLock(#[expect(dead_code, reason = "held for its lock, not read")] File);

impl DataLock {
    /// Takes the folder.
    ///
    /// # Errors
    /// `conflict` where another server uses it.
    pub fn take(data: &Path) -> Result<Self> {
        let file = File::options().write(true).create(true).truncate(false).open(data.join("server.lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                let message =
                    format!("another server uses {}; stop it, or choose another --data-dir", data.display());
                Err(Error::conflict(message))
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_server_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataLock::take(folder.path()).unwrap();
        assert!(DataLock::take(folder.path()).is_err_and(|error| error.code() == "conflict"));
        drop(first);
        DataLock::take(folder.path()).unwrap();
    }
}
