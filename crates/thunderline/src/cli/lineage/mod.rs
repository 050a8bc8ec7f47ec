//! `thunderline lineage …`

mod dot;
mod show;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// See what made a model: rounds, nodes, seeds
#[derive(Args, Debug)]
pub struct Lineage {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show what made a model, back to where it began
    Show(show::Show),
}

impl Lineage {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        match &self.command {
            Command::Show(command) => command.run(&client, global.format()),
        }
    }
}
