//! `thunderline schedules delete`

use clap::Args;
use thunderline_web::dto::schedule::Schedule;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Remove a schedule; jobs that it enqueued stay
#[derive(Args, Debug)]
pub struct Delete {
    /// The schedule's name or id
    schedule: String,
}

impl Delete {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let schedule: Schedule = client.delete(&path("/api/v1/schedules/{schedule}", &[&self.schedule])?)?;
        print(format, &schedule, |it| format!("{} is gone", it.name));
        Ok(())
    }
}
