//! `thunderline decisions …`

mod list;
mod show;
mod trail;

use clap::{Args, Subcommand};
use thunderline_web::dto::{decision::Decision, page::Page};

use super::Global;
use crate::{client::Remote, failure::Result, output::numbers::time};

/// See what was decided, and why
#[derive(Args, Debug)]
pub struct Decisions {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List decisions in the order in which they were made
    List(list::List),
    /// Show one decision, what led to it and what followed
    Show(show::Show),
    /// List everything that was decided because of one request
    Trail(trail::Trail),
}

impl Decisions {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::List(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Trail(command) => command.run(&client, format),
        }
    }
}

/// Decisions as sentences, one a line with its id.
fn sentences(page: &Page<Decision>) -> String {
    if page.items.is_empty() {
        return "nothing was decided that is asked for".into();
    }
    let line = |it: &Decision| format!("{}  {}  {}", time(it.at), it.id, it.summary);
    let mut text = page.items.iter().map(line).collect::<Vec<_>>().join("\n");
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --after {next}"));
    }
    text
}
