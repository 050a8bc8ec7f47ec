//! `thunderline retention …`

mod list;
mod preview;
mod run;
mod set;
mod span;
mod unset;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// See and say what is kept for how long
///
/// What need not be kept is forgotten every hour, in small pieces, with an audit row. Nothing that a federation needs that
/// is not over is ever among it.
#[derive(Args, Debug)]
pub struct Retention {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List what is kept, and for how long
    List(list::List),
    /// Set a rule
    Set(set::Set),
    /// Take a rule back: the default counts again
    Unset(unset::Unset),
    /// See what would go now
    Preview(preview::Preview),
    /// Forget now what need not be kept
    Run(run::Run),
}

impl Retention {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let (client, format) = (self.remote.client(&global.data_dir)?, global.format());
        match &self.command {
            Command::List(command) => command.run(&client, format),
            Command::Set(command) => command.run(&client, format),
            Command::Unset(command) => command.run(&client, format),
            Command::Preview(command) => command.run(&client, format),
            Command::Run(command) => command.run(&client, format),
        }
    }
}
