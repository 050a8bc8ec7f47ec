//! `thunderline dead-letters …`

mod drop;
mod list;
mod replay;
mod show;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// See events that a consumer could not handle, and decide on them
#[derive(Args, Debug)]
pub struct DeadLetters {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List them, the newest first
    List(list::List),
    /// Show one with its event
    Show(show::Show),
    /// Try events again
    Replay(replay::Replay),
    /// Give an event up for good
    Drop(drop::Drop),
}

impl DeadLetters {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::List(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Replay(command) => command.run(&client, format),
            Command::Drop(command) => command.run(&client, format),
        }
    }
}
