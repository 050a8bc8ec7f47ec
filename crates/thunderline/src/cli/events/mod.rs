//! `thunderline events …`

mod consumers;
mod forget;
mod list;
mod publish;
mod replay;
mod show;
mod tail;
mod types;

use clap::{Args, Subcommand};

pub use publish::json;
pub use show::human as describe;

use super::Global;
use crate::{client::Remote, failure::Result};

/// See what happens, and who makes what of it
#[derive(Args, Debug)]
pub struct Events {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Print the latest events
    Tail(tail::Tail),
    /// List events from a place in the stream on
    List(list::List),
    /// Show one event with its payload
    Show(show::Show),
    /// List every kind of event, or show the JSON schema of one
    Types(types::Types),
    /// List who consumes events, and how far each is
    Consumers(consumers::Consumers),
    /// Let a consumer see events again
    Replay(replay::Replay),
    /// Forget a consumer that is no more
    Forget(forget::Forget),
    /// Tell a fact of another system; telling it twice changes nothing
    Publish(publish::Publish),
}

impl Events {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::Tail(command) => command.run(&client, format),
            Command::List(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Types(command) => command.run(&client, format),
            Command::Consumers(command) => command.run(&client, format),
            Command::Replay(command) => command.run(&client, format),
            Command::Forget(command) => command.run(&client, format),
            Command::Publish(command) => command.run(&client, format),
        }
    }
}
