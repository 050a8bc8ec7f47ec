//! Schedules.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thunderblock::schedules::{Missed, create::NewSchedule};
use thunderline_core::{Error, Result, Timestamp};
use utoipa::ToSchema;

/// A job that is enqueued again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Schedule {
    /// Its id.
    pub id: String,
    /// What people call it; may stand for the id in paths.
    pub name: String,
    /// When: minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// By the clocks of this IANA time zone.
    pub zone: String,
    /// The kind of job.
    pub job: String,
    /// The key of the job.
    pub key: String,
    /// The job itself.
    pub payload: Value,
    /// What happens with times at which no server ran: `run_once` or `skip`.
    pub missed: String,
    /// `active` or `paused`.
    pub state: String,
    /// When it is due next; absent while it is paused.
    pub next_at: Option<Timestamp>,
    /// The time for which it fired last.
    pub last_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// A schedule that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSchedule {
    /// What people call it: letters, digits, `.`, `_`, `-`; unique.
    pub name: String,
    /// When: `30 2 * * mon-fri`, `*/15 * * * *`, `@daily`.
    pub cron: String,
    /// By the clocks of this IANA time zone; `UTC` unless given.
    #[serde(default = "utc")]
    pub zone: String,
    /// The kind of job: `fl.federation.drive`.
    pub job: String,
    /// The key of the job: firings do not pile up while one of this key waits. The schedule's id unless given.
    #[serde(default)]
    pub key: Option<String>,
    /// The job itself: an object with its fields.
    #[serde(default = "nothing")]
    pub payload: Value,
    /// What happens with times at which no server ran: `run_once` (the default) or `skip`.
    #[serde(default)]
    pub missed: Option<String>,
}

fn utc() -> String {
    "UTC".into()
}

fn nothing() -> Value {
    Value::Object(serde_json::Map::new())
}

impl CreateSchedule {
    /// As the domain wants it.
    ///
    /// # Errors
    /// `invalid` for an unknown policy.
    pub fn wanted(self) -> Result<NewSchedule> {
        let missed = match self.missed.as_deref() {
            None => Missed::default(),
            Some(name) => Missed::named(name).ok_or_else(|| {
                let known = Missed::ALL.map(Missed::name).join(", ");
                Error::invalid_value("missed", format!("'{name}' is no policy"), known)
            })?,
        };
        let Self { name, cron, zone, job, key, payload, missed: _ } = self;
        Ok(NewSchedule { name, cron, zone, job, key, payload, missed })
    }
}

impl From<thunderblock::schedules::Schedule> for Schedule {
    fn from(it: thunderblock::schedules::Schedule) -> Self {
        Self {
            id: it.id.to_string(),
            name: it.name,
            cron: it.cron,
            zone: it.zone,
            job: it.job,
            key: it.key,
            payload: it.payload,
            missed: it.missed.name().to_owned(),
            state: it.state.name().to_owned(),
            next_at: it.next_at,
            last_at: it.last_at,
            created_by: it.created_by,
            created_at: it.created_at,
        }
    }
}
