//! `thunderline flags …`

mod list;
mod set;
mod show;
mod unset;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// Switch features on and off while the server runs
#[derive(Args, Debug)]
pub struct Flags {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List the flags that somebody set; all others are off
    List(list::List),
    /// Show one flag
    Show(show::Show),
    /// Set a flag
    Set(set::Set),
    /// Remove a flag: it is off
    Unset(unset::Unset),
}

impl Flags {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::List(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Set(command) => command.run(&client, format),
            Command::Unset(command) => command.run(&client, format),
        }
    }
}
