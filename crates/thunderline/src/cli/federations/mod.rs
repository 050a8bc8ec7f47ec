//! `thunderline federations …`

mod cancel;
mod leases;
mod list;
mod pause;
mod resume;
mod rounds;
mod show;
mod submit;
mod watch;

use clap::{Args, Subcommand};

use super::Global;
use crate::{client::Remote, failure::Result};

/// Submit federations and steer them
#[derive(Args, Debug)]
pub struct Federations {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Submit a spec; files that it names are uploaded first
    Submit(submit::Submit),
    /// List federations, the newest first
    List(list::List),
    /// Show one federation
    Show(show::Show),
    /// List a federation's rounds with every try: what came of each, and why it failed
    Rounds(rounds::Rounds),
    /// List a round's leases: who was asked, what came of it, how stale each update was
    Leases(leases::Leases),
    /// Follow a federation until it is over
    Watch(watch::Watch),
    /// Let a federation wait after its running round
    Pause(pause::Pause),
    /// Let a paused federation go on
    Resume(resume::Resume),
    /// End a federation for good
    Cancel(cancel::Cancel),
}

impl Federations {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::Submit(command) => command.run(&client, format),
            Command::List(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Rounds(command) => command.run(&client, format),
            Command::Leases(command) => command.run(&client, format),
            Command::Watch(command) => command.run(&client, format),
            Command::Pause(command) => command.run(&client, format),
            Command::Resume(command) => command.run(&client, format),
            Command::Cancel(command) => command.run(&client, format),
        }
    }
}
