//! `thunderline jobs …`

mod cancel;
mod list;
mod retry;
mod run;
mod show;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// Look at the job queue and steer it
#[derive(Args, Debug)]
pub struct Jobs {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List jobs, the newest first
    List(list::List),
    /// Show one job with every attempt
    Show(show::Show),
    /// Let a job that is over run again
    Retry(retry::Retry),
    /// Let a job not run, or stop it where it runs
    Cancel(cancel::Cancel),
    /// Let a waiting job run now
    Run(run::Run),
}

impl Jobs {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::List(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Retry(command) => command.run(&client, format),
            Command::Cancel(command) => command.run(&client, format),
            Command::Run(command) => command.run(&client, format),
        }
    }
}
