//! Job: make a backup that was asked for.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use thunderline_core::{Action, Cx, Error, ErrorKind, Job, Result, Rule, Subject};
use uuid::Uuid;

use super::{BackupState, Made, Progress, Source, make, read, rows, verify};
use crate::{Block, blocking};

/// Background work only.
pub const FINISH_ACTION: Action = Action::new("block.backup.make", Rule::System);

/// Makes the backup of this row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MakeBackup {
    /// Which.
    pub backup: Uuid,
}

impl Job for MakeBackup {
    const NAME: &'static str = "block.backup.make";

    fn key(&self) -> String {
        self.backup.to_string()
    }
}

/// Makes it, and writes down what became of it. One that a dead process had begun is not begun again: nobody waits for it,
/// and a new one can be asked for.
///
/// # Errors
/// `unavailable` while another backup is being made; those of the database.
pub async fn run(cx: &Cx, block: &Block, id: Uuid) -> Result<()> {
    let mut read = block.db.read(cx, &read::ACTION).await?;
    let Some(backup) = rows::by_id(&mut read, id).await? else { return Ok(()) };
    drop(read);
    match backup.state {
        BackupState::Completed | BackupState::Failed => return Ok(()),
        BackupState::Running => {
            return finish(cx, block, id, left_behind(&backup.path).await).await;
        }
        BackupState::Waiting => {}
    }
    let (home, progress) = (block.home()?, Arc::new(Progress::default()));
    let _turn = home.underway.take(id, &progress)?;
    let mut write = block.db.write(cx, &FINISH_ACTION).await?;
    if !rows::set_running(&mut write, id).await? {
        return Err(Error::conflict("the backup was begun by somebody else"));
    }
    write.commit_derived().await?;
    let source = Source { db: &block.db, objects: &home.objects, data: &home.data };
    let made = make(cx, &source, Path::new(&backup.path), &progress).await;
    finish(cx, block, id, made).await
}

/// What a dead process has left: a backup that has its name is complete, also where its row does not say so. That is how a
/// backup finds itself after it was restored.
async fn left_behind(path: &str) -> Result<Made> {
    let path = PathBuf::from(path);
    blocking(move || {
        let read = verify::read(&path, &Progress::default(), |_| Ok(None));
        let (contents, seal) = read.map_err(|error| {
            let message =
                "the server stopped before it was complete, or was restored to a moment before that";
            Error::unavailable(message).caused_by(error)
        })?;
        let size_bytes = std::fs::metadata(&path)?.len();
        Ok(Made::new(path, size_bytes, contents, seal))
    })
    .await
}

async fn finish(cx: &Cx, block: &Block, id: Uuid, made: Result<Made>) -> Result<()> {
    let mut write = block.db.write(cx, &FINISH_ACTION).await?;
    match &made {
        Ok(made) => {
            tracing::info!(backup = %id, path = %made.path.display(), bytes = made.size_bytes, "made a backup");
            rows::complete(&mut write, id, made, cx.now()).await?;
        }
        Err(error) => {
            tracing::error!(backup = %id, error = error.chain(), "no backup was made");
            // Administrators asked, and read it: what the log says may be said to them.
            let reason = if error.kind() == ErrorKind::Internal { error.chain() } else { error.to_string() };
            rows::fail(&mut write, id, &reason, cx.now()).await?;
        }
    }
    write.commit(&Subject::new("backup", id)).await
}
