//! `thunderline events …`

mod tail;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// See what happens
#[derive(Args, Debug)]
pub struct Events {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Print the latest events
    Tail(tail::Tail),
}

impl Events {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        match &self.command {
            Command::Tail(command) => command.run(&client, global.format()),
        }
    }
}
