//! `thunderline jobs cancel`

use clap::Args;
use thunderline_web::dto::job::{CancelJob, Job};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Let a job not run, or stop it where it runs
#[derive(Args, Debug)]
pub struct Cancel {
    /// The job's id
    id: String,
    /// Why; shown to whoever looks at it later
    #[arg(long, default_value = "")]
    reason: String,
}

impl Cancel {
    /// Cancels it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/jobs/{id}/cancel", &[&self.id])?;
        let job: Job = client.post(&path, &CancelJob { reason: self.reason.clone() })?;
        print(format, &job, |it| format!("{} {} is {}", it.name, it.key, it.state));
        Ok(())
    }
}
