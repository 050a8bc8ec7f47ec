//! `thunderline backup …`

mod list;
mod make;
mod verify;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// Back up this installation, also while it works
///
/// Everything goes into one file: database, models, uploads of rounds under way, keys and tokens. Whoever has the file has
/// these secrets: it is readable by its owner only, and belongs where the data folder would be allowed to be. Where a server
/// uses the data folder it makes the backup (as role admin); where none does, this command makes it.
///
/// Installations on PostgreSQL are backed up with pg_dump: docs/operations.md has the recipe.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Backup {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    make: make::Make,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Read a backup from end to end and check everything in it
    Verify(verify::Verify),
    /// List the backups that the server was asked for, the newest first
    List(list::List),
}

impl Backup {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        match &self.command {
            Some(Command::Verify(command)) => command.run(global),
            Some(Command::List(command)) => {
                command.run(&self.remote.client(&global.data_dir)?, global.format())
            }
            None => self.make.run(&self.remote, global),
        }
    }
}
