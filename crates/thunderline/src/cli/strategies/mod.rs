//! `thunderline strategies …`

mod list;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// See how updates can become the next model
#[derive(Args, Debug)]
pub struct Strategies {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List the strategies that specs may name: built-in ones with their parameters, and the operator's programs
    List(list::List),
}

impl Strategies {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::List(command) => command.run(&client, format),
        }
    }
}
