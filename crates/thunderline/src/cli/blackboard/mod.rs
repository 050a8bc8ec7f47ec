//! `thunderline blackboard …`

mod delete;
mod get;
mod list;
mod put;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// Read and write small values that parts of an installation share for a while
#[derive(Args, Debug)]
pub struct Blackboard {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List values
    List(list::List),
    /// Print one value
    Get(get::Get),
    /// Put a value
    Put(put::Put),
    /// Delete a value
    Delete(delete::Delete),
}

/// Which part of the blackboard.
#[derive(Args, Debug)]
pub struct In {
    /// global: in the database; node: in the memory of the server that is asked
    #[arg(long, default_value = "global", value_parser = ["global", "node"])]
    scope: String,
}

impl Blackboard {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::List(command) => command.run(&client, format),
            Command::Get(command) => command.run(&client, format),
            Command::Put(command) => command.run(&client, format),
            Command::Delete(command) => command.run(&client, format),
        }
    }
}
