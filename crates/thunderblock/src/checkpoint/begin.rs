//! What a start makes of the newest checkpoint.

use serde::Serialize;
use thunderline_core::{Cx, Result, Timestamp};

use super::{ACTION, Checkpoint, Item, Reason, rows, take};
use crate::{
    Block,
    backup::{RESTORED_FILE, Restored},
    blocking,
};

/// What was there before this start.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Begun {
    /// Whether the stop before was in good order; none at the first start.
    pub clean: Option<bool>,
    /// Until when the process before is known to have lived.
    pub last_seen: Option<Timestamp>,
    /// From which backup the folder was made, if it was made from one since the last start.
    pub restored: Option<Restored>,
    /// What was running and is to go on.
    pub interrupted: Vec<Item>,
}

/// Looks at the newest checkpoint of this process' predecessor, remembers what it left unfinished until that goes on, and
/// says so in the log. To be called once, before anything runs.
///
/// # Errors
/// Those of the domains that are asked, and of the database.
pub async fn begin(cx: &Cx, block: &Block) -> Result<Begun> {
    let mut read = block.db.read(cx, &ACTION).await?;
    let before = rows::newest(&mut read, &block.node).await?;
    drop(read);
    let restored = restored(block).await?;
    let clean = before.as_ref().map(|before| before.reason == Reason::Shutdown && restored.is_none());
    let content = take::content(cx, block).await?;
    let interrupted: Vec<_> = content.running.iter().filter(|item| item.resumes).cloned().collect();
    let begun = Begun { clean, last_seen: before.map(|before| before.at), restored, interrupted };
    let checkpoint = Checkpoint {
        id: cx.uuid(),
        node: block.node.to_string(),
        reason: Reason::Start,
        clean,
        note: Some(begun.note()),
        outbox: block.db.last_sequence().await?,
        content,
        at: cx.now(),
    };
    let mut write = block.db.write(cx, &ACTION).await?;
    rows::expect(&mut write, checkpoint.id, &begun.interrupted, cx.now()).await?;
    take::keep(write, &checkpoint).await?;
    forget_restored(block).await?;
    begun.log();
    if clean == Some(false) {
        block.examination.ask(begun.last_seen);
    }
    Ok(begun)
}

impl Begun {
    /// What there is to say, in one sentence.
    #[must_use]
    pub fn note(&self) -> String {
        let before = match (&self.restored, self.clean) {
            (Some(restored), _) => format!("restored from a backup of {}", restored.created_at),
            (None, None) => "the first start".to_owned(),
            (None, Some(true)) => "the last stop was in good order".to_owned(),
            (None, Some(false)) => "the last stop was not in good order".to_owned(),
        };
        match self.interrupted.len() {
            0 => format!("{before}; nothing was under way"),
            count => format!("{before}; {count} under way and going on"),
        }
    }

    fn log(&self) {
        if self.clean == Some(false) {
            tracing::warn!("{}: database and newest objects are being looked at", self.note());
        } else {
            tracing::info!("{}", self.note());
        }
        for item in &self.interrupted {
            tracing::info!(kind = item.kind, id = item.id, label = item.label, state = item.state, "goes on");
        }
    }
}

async fn restored(block: &Block) -> Result<Option<Restored>> {
    let Some(home) = block.home.clone() else { return Ok(None) };
    blocking(move || match std::fs::read(home.data.join(RESTORED_FILE)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    })
    .await
}

/// The row knows it now.
async fn forget_restored(block: &Block) -> Result<()> {
    let Some(home) = block.home.clone() else { return Ok(()) };
    blocking(move || match std::fs::remove_file(home.data.join(RESTORED_FILE)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    })
    .await
}
