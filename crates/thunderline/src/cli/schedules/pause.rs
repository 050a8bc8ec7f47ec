//! `thunderline schedules pause`

use clap::Args;
use thunderline_web::dto::schedule::Schedule;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Let a schedule rest
#[derive(Args, Debug)]
pub struct Pause {
    /// The schedule's name or id
    schedule: String,
}

impl Pause {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let schedule: Schedule =
            client.post(&path("/api/v1/schedules/{schedule}/pause", &[&self.schedule])?, &())?;
        print(format, &schedule, |it| format!("{} is {}", it.name, it.state));
        Ok(())
    }
}
