//! Let a paused schedule fire again.

use thunderline_core::{Action, Cx, Error, Result, Role, Rule};

use super::{Schedule, ScheduleState, about_schedule, rows, sweep};
use crate::Block;

/// Who may resume schedules.
pub const ACTION: Action = Action::new("block.schedule.resume", Rule::AtLeast(Role::Operator));

/// It fires from now on; times during the pause are over.
///
/// # Errors
/// `not_found`; `conflict` where it is not paused.
pub async fn resume(cx: &Cx, domain: &Block, which: &str) -> Result<Schedule> {
    let mut write = domain.db.write(cx, &ACTION).await?;
    let schedule = rows::find(&mut write, cx.tenant(), which).await?;
    if schedule.state == ScheduleState::Active {
        return Err(Error::conflict("the schedule is not paused"));
    }
    let next_at = sweep::next_time(&schedule, cx.now())?;
    rows::set_state(&mut write, schedule.id, ScheduleState::Active, next_at).await?;
    write.commit(&about_schedule(schedule.id)).await?;
    Ok(Schedule { state: ScheduleState::Active, next_at, ..schedule })
}
