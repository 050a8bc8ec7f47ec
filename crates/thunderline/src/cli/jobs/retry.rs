//! `thunderline jobs retry`

use clap::Args;
use thunderline_web::dto::job::Job;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Let a job that is over run again
#[derive(Args, Debug)]
pub struct Retry {
    /// The job's id
    id: String,
}

impl Retry {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let job: Job = client.post(&path("/api/v1/jobs/{id}/retry", &[&self.id])?, &())?;
        print(format, &job, |it| format!("{} {} waits to run again", it.name, it.key));
        Ok(())
    }
}
