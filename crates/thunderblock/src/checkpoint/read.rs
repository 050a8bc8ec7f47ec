//! Looking at checkpoints.

use thunderline_core::{Cx, Error, Result, Timestamp};
use uuid::Uuid;

use super::{Checkpoint, READ_ACTION, Resume, rows};
use crate::Block;

/// One checkpoint, and of a start what became of what it found.
///
/// # Errors
/// `forbidden`, `not_found`.
pub async fn get(cx: &Cx, block: &Block, id: Uuid) -> Result<(Checkpoint, Vec<Resume>)> {
    let mut read = block.db.read(cx, &READ_ACTION).await?;
    let found = rows::by_id(&mut read, id).await?;
    let checkpoint = found.ok_or_else(|| Error::not_found(format_args!("checkpoint {id}")))?;
    let resumes = rows::of_start(&mut read, id).await?;
    Ok((checkpoint, resumes))
}

/// Checkpoints, the newest first; `before` continues a listing.
///
/// # Errors
/// `forbidden`.
pub async fn list(cx: &Cx, block: &Block, before: Option<Timestamp>, limit: u32) -> Result<Vec<Checkpoint>> {
    let mut read = block.db.read(cx, &READ_ACTION).await?;
    rows::list(&mut read, before, limit).await
}
