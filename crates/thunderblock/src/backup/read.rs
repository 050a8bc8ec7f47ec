//! Look at the backups that were asked for.

use thunderline_core::{Action, Cx, Error, Result, Role, Rule, Timestamp};
use uuid::Uuid;

use super::{Backup, Seen, rows};
use crate::Block;

/// Whoever runs the installation: rows name paths on the server's machine.
pub const ACTION: Action = Action::new("block.backup.read", Rule::AtLeast(Role::Operator));

/// One backup, and how far it is while it is being made.
///
/// # Errors
/// `forbidden`, `not_found`.
pub async fn get(cx: &Cx, block: &Block, id: Uuid) -> Result<(Backup, Option<Seen>)> {
    let mut read = block.db.read(cx, &ACTION).await?;
    let found = rows::by_id(&mut read, id).await?;
    let backup = found.ok_or_else(|| Error::not_found(format_args!("backup {id}")))?;
    let seen = block.home.as_ref().and_then(|home| home.underway.seen(id));
    Ok((backup, seen))
}

/// Backups, the newest first; `before` continues a listing.
///
/// # Errors
/// `forbidden`.
pub async fn list(cx: &Cx, block: &Block, before: Option<Timestamp>, limit: u32) -> Result<Vec<Backup>> {
    let mut read = block.db.read(cx, &ACTION).await?;
    rows::list(&mut read, before, limit).await
}
