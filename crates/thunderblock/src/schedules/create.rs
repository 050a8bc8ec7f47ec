//! Make a schedule.

use thunderline_core::{Action, Cx, Error, ErrorKind, Problem, Result, Role, Rule, Timestamp};

use super::{Missed, Schedule, ScheduleState, about_schedule, cron, rows};
use crate::{Block, Kind};

/// Who may make schedules.
pub const ACTION: Action = Action::new("block.schedule.create", Rule::AtLeast(Role::Operator));

/// The longest name.
const NAME: usize = 64;

/// What is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSchedule {
    /// What people call it: letters, digits, `.`, `_`, `-`.
    pub name: String,
    /// When: a cron expression.
    pub cron: String,
    /// By the clocks of this IANA time zone.
    pub zone: String,
    /// The kind of job.
    pub job: String,
    /// The key of the job; the schedule's id unless given.
    pub key: Option<String>,
    /// The job itself.
    pub payload: serde_json::Value,
    /// What happens with times at which no server ran.
    pub missed: Missed,
}

/// Makes it; it fires from now on.
///
/// # Errors
/// `invalid` with everything that is wrong; `forbidden` where the caller may not do what the job does; `conflict` where the name is taken.
pub async fn create(cx: &Cx, domain: &Block, wanted: NewSchedule) -> Result<Schedule> {
    ACTION.authorize(cx)?;
    let now = cx.now();
    let (kind, next_at) = check(domain, &wanted, now)?;
    kind.action.authorize(cx)?;
    let id = cx.id();
    let schedule = Schedule {
        id,
        name: wanted.name,
        cron: wanted.cron,
        zone: wanted.zone,
        job: wanted.job,
        key: wanted.key.unwrap_or_else(|| id.to_string()),
        payload: wanted.payload,
        missed: wanted.missed,
        state: ScheduleState::Active,
        next_at: Some(next_at),
        last_at: None,
        created_by: cx.actor().to_string(),
        created_at: now,
    };
    let mut write = domain.db.write(cx, &ACTION).await?;
    rows::insert(&mut write, cx, &schedule).await.map_err(|error| match error.kind() {
        ErrorKind::Conflict => Error::conflict(format!("there is a schedule {} already", schedule.name)),
        _ => error,
    })?;
    write.commit(&about_schedule(id)).await?;
    Ok(schedule)
}

/// What it asks for and the first time, or everything that is wrong.
fn check<'a>(domain: &'a Block, wanted: &NewSchedule, now: Timestamp) -> Result<(&'a Kind, Timestamp)> {
    let mut problems = Vec::new();
    let mut problem = |path: &str, reason: String, allowed: String| {
        problems.push(Problem { path: path.into(), reason, allowed });
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let name = &wanted.name;
    if name.is_empty() || name.len() > NAME || !name.chars().all(allowed) {
        problem(
            "name",
            format!("'{name}' is no name"),
            format!("1 to {NAME} letters, digits, '.', '_' or '-'"),
        );
    }
    let kind = domain.schedulable.iter().find(|kind| kind.name == wanted.job);
    if kind.is_none() {
        let names: Vec<_> = domain.schedulable.iter().map(|kind| kind.name).collect();
        problem("job", format!("'{}' is no job that a schedule can ask for", wanted.job), names.join(", "));
    }
    let fields = "an object with the fields of the job";
    if !wanted.payload.is_object() {
        problem("payload", "it is not an object".into(), fields.into());
    } else if let Some(reason) = kind.and_then(|kind| (kind.check)(&wanted.payload)) {
        problem("payload", reason, fields.into());
    }
    let times = (cron::Cron::parse(&wanted.cron), cron::zone(&wanted.zone));
    if let (Some(kind), (Ok(cron), Ok(zone)), true) = (kind, &times, problems.is_empty()) {
        let never = || Error::invalid_value("cron", "it never happens again", "a time that is still to come");
        return Ok((kind, cron.next(now, zone).ok_or_else(never)?));
    }
    problems.extend([times.0.err(), times.1.err()].iter().flatten().flat_map(Error::problems).cloned());
    Err(Error::invalid("the schedule cannot be accepted", problems))
}
