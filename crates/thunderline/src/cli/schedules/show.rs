//! `thunderline schedules show`

use clap::Args;
use thunderline_web::dto::schedule::Schedule;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, numbers::time, print, table::pairs},
};

/// Show one schedule
#[derive(Args, Debug)]
pub struct Show {
    /// The schedule's name or id
    schedule: String,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let schedule: Schedule =
            client.get(&path("/api/v1/schedules/{schedule}", &[&self.schedule])?, &[])?;
        print(format, &schedule, human);
        Ok(())
    }
}

/// A schedule for people.
pub fn human(it: &Schedule) -> String {
    pairs(&[
        ("id", it.id.clone()),
        ("name", it.name.clone()),
        ("state", it.state.clone()),
        ("cron", it.cron.clone()),
        ("zone", it.zone.clone()),
        ("next", it.next_at.map_or_else(String::new, time)),
        ("last", it.last_at.map_or_else(String::new, time)),
        ("missed times", it.missed.clone()),
        ("job", it.job.clone()),
        ("key", it.key.clone()),
        ("payload", it.payload.to_string()),
        ("created", format!("{} by {}", time(it.created_at), it.created_by)),
    ])
}
