//! `thunderline schedules run`

use clap::Args;
use thunderline_web::dto::schedule::Schedule;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Enqueue the job of a schedule now
#[derive(Args, Debug)]
pub struct Run {
    /// The schedule's name or id
    schedule: String,
}

impl Run {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let schedule: Schedule =
            client.post(&path("/api/v1/schedules/{schedule}/run", &[&self.schedule])?, &())?;
        print(format, &schedule, |it| format!("{} {} is enqueued", it.job, it.key));
        Ok(())
    }
}
