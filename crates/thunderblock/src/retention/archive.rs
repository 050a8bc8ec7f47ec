//! Files that keep what goes.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
};

use thunderline_core::{Cx, Expired, Result};

use crate::{Block, blocking};

/// Below the data folder.
const FOLDER: &str = "archive";

/// Adds a line of JSON for each thing to `archive/RESOURCE/DAY.jsonl` in the data folder, and forces it to disk. What is
/// removed only at a second try is in there twice.
pub(super) async fn keep(cx: &Cx, block: &Block, resource: &str, expired: &[Expired]) -> Result<()> {
    let folder = block.home()?.data.join(FOLDER).join(resource);
    let file = folder.join(cx.now().strftime("%Y-%m-%d.jsonl").to_string());
    let mut lines = String::new();
    for thing in expired {
        lines.push_str(&serde_json::to_string(thing).expect("what goes is plain data"));
        lines.push('\n');
    }
    blocking(move || {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let mut out = OpenOptions::new().append(true).create(true).mode(0o600).open(&file)?;
        out.write_all(lines.as_bytes())?;
        out.sync_all()?;
        Ok(File::open(&folder)?.sync_all()?)
    })
    .await
}
