//! Schedules: jobs that are enqueued again and again, at times that a cron expression gives.
//!
//! A schedule holds the next time at which it is due. Whoever finds it due moves that time forward and enqueues the job in
//! one transaction that compares the time again: of many processes one fires, once. A firing whose predecessor still
//! waits is one job with it.

pub mod create;
pub mod cron;
pub mod delete;
pub mod kind;
pub mod pause;
pub mod read;
pub mod resume;
mod rows;
pub mod run;
pub mod sweep;

use thunderline_core::{Error, ScheduleId, Subject, Timestamp};

pub(crate) use rows::statements;

/// Something to be enqueued again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Its id.
    pub id: ScheduleId,
    /// What people call it; unique in its tenant.
    pub name: String,
    /// When: a cron expression.
    pub cron: String,
    /// By the clocks of this IANA time zone.
    pub zone: String,
    /// The kind of job.
    pub job: String,
    /// The key of the job.
    pub key: String,
    /// The job itself.
    pub payload: serde_json::Value,
    /// What happens with a time at which no server ran.
    pub missed: Missed,
    /// Whether it fires.
    pub state: ScheduleState,
    /// When it is due next; `None` while it is paused.
    pub next_at: Option<Timestamp>,
    /// The time for which it fired last.
    pub last_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// What happens with times at which no server ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// The job runs once, however many times were missed.
    #[default]
    RunOnce,
    /// The job waits for its next time.
    Skip,
}

/// Whether a schedule fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleState {
    /// It does.
    Active,
    /// It does not.
    Paused,
}

impl Missed {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::RunOnce, Self::Skip];

    /// Its name in rows and requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunOnce => "run_once",
            Self::Skip => "skip",
        }
    }

    /// The policy of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|missed| missed.name() == name)
    }
}

impl ScheduleState {
    /// Its name in rows and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Active, Self::Paused].into_iter().find(|state| state.name() == name)
    }
}

fn about_schedule(id: ScheduleId) -> Subject {
    Subject::new("schedule", id)
}

fn missing(schedule: &str) -> Error {
    Error::not_found(format_args!("schedule {schedule}"))
}
