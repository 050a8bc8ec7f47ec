//! Taking a checkpoint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thunderline_core::{Cx, Result, SignedDuration, Subject};
use thunderline_store::Write;

use super::{ACTION, Checkpoint, Item, Reason, rows};
use crate::Block;

/// How long a periodic checkpoint is good enough.
const EVERY: SignedDuration = SignedDuration::from_mins(5);

/// What was running, and how far everybody had come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Everything that was not over.
    pub running: Vec<Item>,
    /// How far each consumer of events had come.
    pub cursors: BTreeMap<String, i64>,
}

/// Asks every domain what is running.
pub(super) async fn content(cx: &Cx, block: &Block) -> Result<Content> {
    let mut running = Vec::new();
    for source in block.sources.iter() {
        running.extend(source.items(cx).await?);
    }
    let consumers = block.db.consumers().await?;
    Ok(Content { running, cursors: consumers.into_iter().map(|it| (it.name, it.sequence)).collect() })
}

/// Takes one.
///
/// # Errors
/// Those of the domains that are asked, and of the database.
pub async fn take(cx: &Cx, block: &Block, reason: Reason) -> Result<Checkpoint> {
    let checkpoint = Checkpoint {
        id: cx.uuid(),
        node: block.node.to_string(),
        reason,
        clean: None,
        note: None,
        outbox: block.db.last_sequence().await?,
        content: content(cx, block).await?,
        at: cx.now(),
    };
    let write = block.db.write(cx, &ACTION).await?;
    keep(write, &checkpoint).await?;
    Ok(checkpoint)
}

pub(super) async fn keep(mut write: Write, checkpoint: &Checkpoint) -> Result<()> {
    rows::insert(&mut write, checkpoint).await?;
    // What happens every few minutes is no decision of anybody.
    if checkpoint.reason == Reason::Periodic {
        return write.commit_derived().await;
    }
    write.commit(&Subject::new("checkpoint", checkpoint.id)).await
}

/// Takes one where the newest is too old; gives whether it did.
///
/// # Errors
/// As [`take`].
pub async fn periodic(cx: &Cx, block: &Block) -> Result<bool> {
    let mut read = block.db.read(cx, &ACTION).await?;
    let newest = rows::newest(&mut read, &block.node).await?;
    drop(read);
    if newest.is_some_and(|newest| cx.now().duration_since(newest.at) < EVERY) {
        return Ok(false);
    }
    take(cx, block, Reason::Periodic).await.map(|_| true)
}
