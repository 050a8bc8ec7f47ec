//! One runner per state folder.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
};

use thunderline_core::{Error, Result};

use crate::key::cannot;

/// Held while a runner uses the folder; the operating system lets go of it however the process ends.
pub(crate) struct StateLock(#[expect(dead_code, reason = "held for its lock, not read")] File);

impl StateLock {
    /// Takes the folder, which is made where it is missing. Two runners with one key would be one node to the server.
    ///
    /// # Errors
    /// `conflict` where another runner uses it.
    pub(crate) fn take(state: &Path) -> Result<Self> {
        fs::create_dir_all(state).map_err(|error| cannot("make", state, error))?;
        let path = state.join("runner.lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| cannot("write", &path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                let state = state.display();
                Err(Error::conflict(format!(
                    "another runner uses {state}; stop it, or give this one a name of its own with --name (and a \
                     folder of its own where --state is given)"
                )))
            }
            Err(TryLockError::Error(error)) => Err(cannot("lock", &path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_has_one_runner_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("a/b");
        let first = StateLock::take(&state).unwrap();
        let error = StateLock::take(&state).err().unwrap();
        assert_eq!(error.code(), "conflict");
        assert!(error.to_string().contains("--name"), "{error}");
        drop(first);
        StateLock::take(&state).unwrap();
    }
}
