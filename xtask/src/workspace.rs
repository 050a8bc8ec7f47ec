//! Where things are, and what `cargo metadata` says about them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell;

/// The repository root: the folder above this crate's.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in a folder of the repository")
}

/// `cargo metadata` with the resolved graph, or without it, which needs no network and no lock file.
pub fn metadata(with_graph: bool) -> Result<Value, String> {
    let mut command = shell::cargo();
    command.args(["metadata", "--format-version", "1"]);
    command.arg(if with_graph { "--all-features" } else { "--no-deps" });
    let text = shell::capture(&mut command)?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata is not JSON: {error}"))
}

/// The folder that cargo builds into.
pub fn target_directory() -> Result<PathBuf, String> {
    let metadata = metadata(false)?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target directory".to_owned())
}
