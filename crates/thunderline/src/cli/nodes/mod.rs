//! `thunderline nodes …`

mod capabilities;
mod evict;
mod groups;
mod heartbeats;
mod list;
mod readmit;
mod sessions;
mod show;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// Look at the nodes that train, say what they can do, group them, shut them out
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
    /// Group nodes, so that federations can select by groups
    #[command(subcommand)]
    Groups(groups::Groups),
    /// See and say what a node can do
    #[command(subcommand)]
    Capabilities(capabilities::Capabilities),
    /// List nodes' sessions, from their coming to their going
    Sessions(sessions::Sessions),
    /// Show a node's signs of life of the last day
    Heartbeats(heartbeats::Beats),
    /// Shut a node out: its key is refused, what it was working on ends
    Evict(evict::Evict),
    /// Let a node in again that was shut out
    Readmit(readmit::Readmit),
}

impl Nodes {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::List(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Groups(command) => command.run(&client, format),
            Command::Capabilities(command) => command.run(&client, format),
            Command::Sessions(command) => command.run(&client, format),
            Command::Heartbeats(command) => command.run(&client, format),
            Command::Evict(command) => command.run(&client, format),
            Command::Readmit(command) => command.run(&client, format),
        }
    }
}
