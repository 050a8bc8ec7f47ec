//! `thunderline checkpoints …`

mod list;
mod show;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// See what was running at starts, stops and in between
#[derive(Args, Debug)]
pub struct Checkpoints {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List checkpoints, the newest first
    List(list::List),
    /// Show one checkpoint; of a start, what it found and what goes on
    Show(show::Show),
}

impl Checkpoints {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        match &self.command {
            Command::List(command) => command.run(&client, global.format()),
            Command::Show(command) => command.run(&client, global.format()),
        }
    }
}
