//! `thunderline domains …`

mod list;
mod order;
mod show;

use clap::{Args, Subcommand};
use thunderline_core::{DomainState, Wish};

use super::Global;
use crate::{client::Remote, failure::Result};

/// See which parts of the server are alive, and steer them
#[derive(Args, Debug)]
pub struct Domains {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List the domains, dependencies first
    List(list::List),
    /// Show one domain: its border and its past
    Show(show::Show),
    /// Let a domain rest until it is activated again, also over restarts
    Deactivate(order::Order),
    /// Let a domain work again: after it was deactivated, or given up after too many failures
    Activate(order::Order),
    /// Let a domain fail once, to see that it comes back and nothing else stops
    Kill(order::Order),
}

impl Domains {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::List(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Deactivate(command) => {
                command.run(&client, format, Wish::Deactivate, &[DomainState::Inactive])
            }
            Command::Activate(command) => command.run(
                &client,
                format,
                Wish::Activate,
                &[DomainState::Active, DomainState::Degraded, DomainState::Waiting],
            ),
            Command::Kill(command) => {
                command.run(&client, format, Wish::Kill, &[DomainState::Restarting, DomainState::Inactive])
            }
        }
    }
}
