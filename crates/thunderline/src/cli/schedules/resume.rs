//! `thunderline schedules resume`

use clap::Args;
use thunderline_web::dto::schedule::Schedule;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Let a paused schedule fire again
#[derive(Args, Debug)]
pub struct Resume {
    /// The schedule's name or id
    schedule: String,
}

impl Resume {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let schedule: Schedule =
            client.post(&path("/api/v1/schedules/{schedule}/resume", &[&self.schedule])?, &())?;
        print(format, &schedule, |it| format!("{} is {}", it.name, it.state));
        Ok(())
    }
}
