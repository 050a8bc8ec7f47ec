//! `thunderline webhooks …`

mod create;
mod delete;
mod disable;
mod enable;
mod list;
mod show;
mod test;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// Have events sent to other systems, signed
#[derive(Args, Debug)]
pub struct Webhooks {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List webhooks
    List(list::List),
    /// Have events sent to an address; prints the secret, once
    Create(create::Create),
    /// Show one webhook and what was last sent
    Show(show::Show),
    /// Send a test event and say what came of it
    Test(test::Test),
    /// Send events again, those first that wait or were given up
    Enable(enable::Enable),
    /// Send nothing more until it is enabled again
    Disable(disable::Disable),
    /// Delete a webhook with its deliveries
    Delete(delete::Delete),
}

impl Webhooks {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::List(command) => command.run(&client, format),
            Command::Create(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Test(command) => command.run(&client, format),
            Command::Enable(command) => command.run(&client, format),
            Command::Disable(command) => command.run(&client, format),
            Command::Delete(command) => command.run(&client, format),
        }
    }
}
