//! Enqueuing the jobs of schedules that are due.

use thunderline_core::{Action, Cx, Result, Rule, ScheduleId, SignedDuration, Timestamp};
use thunderline_store::{NamedJob, Write};

use super::{Missed, Schedule, about_schedule, cron, rows};
use crate::Block;

/// Fired by the server itself.
pub const ACTION: Action = Action::new("block.schedule.fire", Rule::System);

/// How late a time may be noticed and still not be called missed.
const LATE: SignedDuration = SignedDuration::from_mins(1);
/// Schedules of one sweep.
const AT_ONCE: u32 = 1_000;

/// Fires what is due, and returns how many jobs that enqueued. A schedule that fails does not keep the others from firing.
///
/// # Errors
/// `unavailable`; the first failure, after everything was tried.
pub async fn sweep(cx: &Cx, domain: &Block) -> Result<usize> {
    let due = rows::due(&mut domain.db.read(cx, &ACTION).await?, cx.now(), AT_ONCE).await?;
    let (mut fired, mut outcome) = (0, Ok(()));
    for (tenant, id) in due {
        let cx = cx.for_actor(cx.actor().clone(), tenant);
        match fire(&cx, domain, id).await {
            Ok(did) => fired += usize::from(did),
            Err(error) => {
                tracing::error!(schedule = %id, error = error.chain(), "a schedule cannot fire");
                outcome = outcome.and(Err(error));
            }
        }
    }
    outcome.map(|()| fired)
}

/// False where somebody else was first, or where a missed time is skipped.
async fn fire(cx: &Cx, domain: &Block, id: ScheduleId) -> Result<bool> {
    let now = cx.now();
    let mut write = domain.db.write(cx, &ACTION).await?;
    let schedule = match rows::find(&mut write, cx.tenant(), &id.to_string()).await {
        Err(gone) if gone.code() == "not_found" => return Ok(false),
        found => found?,
    };
    let Some(due) = schedule.next_at.filter(|due| *due <= now) else { return Ok(false) };
    let next_at = next_time(&schedule, now)?;
    if schedule.missed == Missed::Skip && now.duration_since(due) > LATE {
        rows::fire(&mut write, &schedule, next_at, schedule.last_at).await?;
        write.commit_derived().await?;
        return Ok(false);
    }
    if !rows::fire(&mut write, &schedule, next_at, Some(due)).await? {
        return Ok(false);
    }
    enqueue(&mut write, &schedule, now);
    write.commit(&about_schedule(id)).await?;
    Ok(true)
}

pub(super) fn enqueue(write: &mut Write, schedule: &Schedule, now: Timestamp) {
    let (name, key, payload) = (schedule.job.clone(), schedule.key.clone(), schedule.payload.to_string());
    write.enqueue_named(NamedJob { name, key, payload, run_at: now });
}

/// When it is due after this time.
pub(super) fn next_time(schedule: &Schedule, after: Timestamp) -> Result<Option<Timestamp>> {
    let (cron, zone) = (cron::Cron::parse(&schedule.cron)?, cron::zone(&schedule.zone)?);
    Ok(cron.next(after, &zone))
}
