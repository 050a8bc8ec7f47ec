//! `thunderline nodes …`

mod list;
mod show;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// Look at the nodes that train
#[derive(Args, Debug)]
pub struct Nodes {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List nodes, the newest first
    List(list::List),
    /// Show one node
    Show(show::Show),
}

impl Nodes {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        match &self.command {
            Command::List(command) => command.run(&client, global.format()),
            Command::Show(command) => command.run(&client, global.format()),
        }
    }
}
