//! `thunderline privacy …`

mod budgets;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// See and set what may be spent of people's privacy
#[derive(Args, Debug)]
pub struct Privacy {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// What may be spent on each data set, and what was
    Budgets(budgets::Budgets),
}

impl Privacy {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        match &self.command {
            Command::Budgets(command) => command.run(&client, global.format()),
        }
    }
}
