//! Let a schedule's job run now.

use thunderline_core::{Action, Cx, Result, Role, Rule};

use super::{Schedule, about_schedule, rows, sweep};
use crate::Block;

/// Who may run a schedule out of turn.
pub const ACTION: Action = Action::new("block.schedule.run", Rule::AtLeast(Role::Operator));

/// Enqueues its job at once, also where it is paused; its times stay as they are.
///
/// # Errors
/// `not_found`.
pub async fn run(cx: &Cx, domain: &Block, which: &str) -> Result<Schedule> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let schedule = rows::find(&mut write, cx.tenant(), which).await?;
    sweep::enqueue(&mut write, &schedule, cx.now());
    write.commit(&about_schedule(schedule.id)).await?;
    Ok(schedule)
}
