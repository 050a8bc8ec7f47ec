//! Looking at schedules.

use thunderline_core::{Action, Cx, Result, Role, Rule};

use super::{Schedule, rows};
use crate::Block;

/// Who may look at schedules.
pub const ACTION: Action = Action::new("block.schedule.read", Rule::AtLeast(Role::Viewer));

/// The tenant's schedules, by name.
///
/// # Errors
/// `forbidden`, `unavailable`.
pub async fn list(cx: &Cx, domain: &Block) -> Result<Vec<Schedule>> {
    rows::list(&mut domain.db.read(cx, &ACTION).await?, cx.tenant()).await
}

/// The schedule of this id or name.
///
/// # Errors
/// `not_found`.
pub async fn get(cx: &Cx, domain: &Block, which: &str) -> Result<Schedule> {
    rows::find(&mut domain.db.read(cx, &ACTION).await?, cx.tenant(), which).await
}
