//! Ask a running server for a backup.

use std::path::Path;

use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Subject};

use super::{Backup, MakeBackup, make, place, rows};
use crate::{Block, blocking};

/// Administrators: a backup holds every key and token, and the server writes it where it is told to.
pub const ACTION: Action = Action::new("block.backup.request", Rule::AtLeast(Role::Admin));

/// Asks for a backup in `to`, a folder or a new `.tar` file on the server's machine; without it, in the data folder's `backups`.
/// It is made in the background.
///
/// # Errors
/// `forbidden`; `invalid` for a place that cannot be; `conflict` on PostgreSQL, or while another one is being made.
pub async fn request(cx: &Cx, block: &Block, to: Option<&Path>) -> Result<Backup> {
    ACTION.authorize(cx)?;
    make::check_engine(&block.db)?;
    let (own, now) = (block.home()?.data.join(place::FOLDER), cx.now());
    let to = to.map(Path::to_owned);
    let target = blocking(move || match to {
        Some(to) => place::target(&to, now),
        None => {
            use std::os::unix::fs::DirBuilderExt;
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&own)?;
            place::target(&std::path::absolute(&own)?, now)
        }
    })
    .await?;
    let path = target.to_str().ok_or_else(|| {
        Error::invalid_value("to", format!("{} is not UTF-8", target.display()), "a name in UTF-8")
    })?;
    let mut write = block.db.write(cx, &ACTION).await?;
    if let Some(other) = rows::open(&mut write).await? {
        return Err(Error::conflict(format!("backup {} to {} is being made", other.id, other.path)));
    }
    let id = cx.uuid();
    rows::insert(&mut write, id, &cx.actor().to_string(), path, now).await?;
    let made = rows::by_id(&mut write, id).await?;
    write.enqueue(&MakeBackup { backup: id });
    write.commit(&Subject::new("backup", id)).await?;
    made.ok_or_else(|| Error::internal("a backup's row was not kept"))
}
