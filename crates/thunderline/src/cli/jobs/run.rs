//! `thunderline jobs run`

use clap::Args;
use thunderline_web::dto::job::Job;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Let a waiting job run now
#[derive(Args, Debug)]
pub struct Run {
    /// The job's id
    id: String,
}

impl Run {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let job: Job = client.post(&path("/api/v1/jobs/{id}/run", &[&self.id])?, &())?;
        print(format, &job, |it| format!("{} {} runs as soon as a worker is free", it.name, it.key));
        Ok(())
    }
}
