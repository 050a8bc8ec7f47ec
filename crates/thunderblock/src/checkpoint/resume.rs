//! Noticing that what was interrupted goes on.

use std::collections::HashMap;

use serde::Serialize;
use thunderline_core::{Cx, Result, Timestamp};

use super::{ACTION, rows, take};
use crate::Block;

/// Something that a stop interrupted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resume {
    /// What it is.
    pub kind: String,
    /// Which.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// Its mark at the start.
    #[serde(skip)]
    pub mark: String,
    /// Which start found it.
    pub since: Timestamp,
    /// When it was seen to go on, or to be over; none while it is pending.
    pub resumed_at: Option<Timestamp>,
}

/// Marks what has gone on, or is over. Gives how many are still pending.
///
/// # Errors
/// Those of the domains that are asked, and of the database.
pub async fn resume(cx: &Cx, block: &Block) -> Result<usize> {
    let mut read = block.db.read(cx, &ACTION).await?;
    let pending = rows::open(&mut read).await?;
    drop(read);
    if pending.is_empty() {
        return Ok(0);
    }
    let running = take::content(cx, block).await?.running;
    let marks: HashMap<_, _> =
        running.iter().map(|item| ((item.kind.as_str(), item.id.as_str()), item.mark.as_str())).collect();
    let (waiting, gone_on): (Vec<_>, Vec<_>) = pending.into_iter().partition(|resume| {
        marks.get(&(resume.kind.as_str(), resume.id.as_str())).is_some_and(|mark| *mark == resume.mark)
    });
    if !gone_on.is_empty() {
        let mut write = block.db.write(cx, &ACTION).await?;
        for resume in &gone_on {
            tracing::info!(
                kind = resume.kind,
                id = resume.id,
                label = resume.label,
                "went on after the start"
            );
            rows::done(&mut write, resume, cx.now()).await?;
        }
        write.commit_derived().await?;
    }
    Ok(waiting.len())
}
