//! Remove a schedule.

use thunderline_core::{Action, Cx, Result, Role, Rule};

use super::{Schedule, about_schedule, rows};
use crate::Block;

/// Who may delete schedules.
pub const ACTION: Action = Action::new("block.schedule.delete", Rule::AtLeast(Role::Operator));

/// Removes it. Jobs that it enqueued stay. Gives what was removed.
///
/// # Errors
/// `not_found`.
pub async fn delete(cx: &Cx, domain: &Block, which: &str) -> Result<Schedule> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let schedule = rows::find(&mut write, cx.tenant(), which).await?;
    rows::delete(&mut write, schedule.id).await?;
    write.commit(&about_schedule(schedule.id)).await?;
    Ok(schedule)
}
