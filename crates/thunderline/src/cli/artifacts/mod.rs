//! `thunderline artifacts …`

mod get;
mod list;
mod show;
mod verify;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// Look at stored models, app bundles and data sets, and fetch them
#[derive(Args, Debug)]
pub struct Artifacts {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List artifacts, the newest first
    List(list::List),
    /// Show one artifact: its digest and where it came from
    Show(show::Show),
    /// Fetch an artifact's file
    Get(get::Get),
    /// Let the server read an artifact's bytes again and compare their digest
    Verify(verify::Verify),
}

impl Artifacts {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        match &self.command {
            Command::List(command) => command.run(&client, global.format()),
            Command::Show(command) => command.run(&client, global.format()),
            Command::Get(command) => command.run(&client, global.format()),
            Command::Verify(command) => command.run(&client, global.format()),
        }
    }
}
