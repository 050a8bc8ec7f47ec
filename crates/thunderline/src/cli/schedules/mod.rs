//! `thunderline schedules …`

mod create;
mod delete;
mod list;
mod pause;
mod resume;
mod run;
mod show;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// Enqueue jobs at given times, again and again
#[derive(Args, Debug)]
pub struct Schedules {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List schedules
    List(list::List),
    /// Show one schedule
    Show(show::Show),
    /// Make a schedule
    Create(create::Create),
    /// Let a schedule rest
    Pause(pause::Pause),
    /// Let a paused schedule fire again
    Resume(resume::Resume),
    /// Remove a schedule
    Delete(delete::Delete),
    /// Enqueue the job of a schedule now
    Run(run::Run),
}

impl Schedules {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::List(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Create(command) => command.run(&client, format),
            Command::Pause(command) => command.run(&client, format),
            Command::Resume(command) => command.run(&client, format),
            Command::Delete(command) => command.run(&client, format),
            Command::Run(command) => command.run(&client, format),
        }
    }
}
