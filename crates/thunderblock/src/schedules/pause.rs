//! Let a schedule rest.

use thunderline_core::{Action, Cx, Error, Result, Role, Rule};

use super::{Schedule, ScheduleState, about_schedule, rows};
use crate::Block;

/// Who may pause schedules.
pub const ACTION: Action = Action::new("block.schedule.pause", Rule::AtLeast(Role::Operator));

/// It does not fire until it is resumed. A job of it that waits stays.
///
/// # Errors
/// `not_found`; `conflict` where it rests already.
pub async fn pause(cx: &Cx, domain: &Block, which: &str) -> Result<Schedule> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let schedule = rows::find(&mut write, cx.tenant(), which).await?;
    if schedule.state == ScheduleState::Paused {
        return Err(Error::conflict("the schedule is paused already"));
    }
    rows::set_state(&mut write, schedule.id, ScheduleState::Paused, None).await?;
    write.commit(&about_schedule(schedule.id)).await?;
    Ok(Schedule { state: ScheduleState::Paused, next_at: None, ..schedule })
}
