//! Where things are, and what `cargo metadata` says about them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell;

/// The repository root: the folder above this crate's.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in a folder of the repository")
}

/// What `cargo metadata` says about the workspace's own crates; needs neither network nor lock file.
pub fn metadata() -> Result<Value, String> {
    let text = shell::capture(shell::cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata is not JSON: {error}"))
}

/// The folder that cargo builds into.
pub fn target_directory() -> Result<PathBuf, String> {
    let metadata = metadata()?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target directory".to_owned())
}
