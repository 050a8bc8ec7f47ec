//! `thunderline workflows …`

mod approve;
mod cancel;
mod define;
mod list;
mod show;
mod snapshot;
mod start;
mod watch;

use clap::{Args, Subcommand};
use thunderline_web::dto::workflow::ExecutionDetails;

use super::Global;
use crate::{
    client::Remote,
    failure::Result,
    output::{
        numbers::time,
        table::{pairs, table},
    },
};

/// Define workflows and carry them out
#[derive(Args, Debug)]
pub struct Workflows {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Define a workflow, or a new version of it
    Define(define::Define),
    /// List workflows, or what was started of them
    List(list::List),
    /// Show a workflow, or how an execution stands
    Show(show::Show),
    /// Start a workflow
    Start(start::Start),
    /// Follow an execution until it is over
    Watch(watch::Watch),
    /// Decide on a node that waits for a person
    Approve(approve::Approve),
    /// Stop an execution and undo what it did
    Cancel(cancel::Cancel),
    /// Keep a definition and its execution as they stand
    Snapshot(snapshot::Snapshot),
}

impl Workflows {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        let format = global.format();
        match &self.command {
            Command::Define(command) => command.run(&client, format),
            Command::List(command) => command.run(&client, format),
            Command::Show(command) => command.run(&client, format),
            Command::Start(command) => command.run(&client, format),
            Command::Watch(command) => command.run(&client, format),
            Command::Approve(command) => command.run(&client, format),
            Command::Cancel(command) => command.run(&client, format),
            Command::Snapshot(command) => command.run(&client, format),
        }
    }
}

/// An execution and its nodes.
fn execution(details: &ExecutionDetails) -> String {
    let it = &details.execution;
    let mut text = pairs(&[
        ("id", it.id.clone()),
        ("workflow", format!("{} version {}", it.workflow, it.version)),
        ("state", it.state.clone()),
        ("reason", it.reason.clone().unwrap_or_default()),
        ("started", format!("{} by {}", time(it.started_at), it.started_by)),
        ("ended", it.ended_at.map_or_else(String::new, time)),
    ]);
    let rows: Vec<_> = details
        .nodes
        .iter()
        .map(|node| {
            let now = node.waits_for.as_ref().map(|what| format!("waits for: {what}"));
            let now = now.or_else(|| node.reason.clone()).unwrap_or_default();
            vec![node.name.clone(), node.action.clone(), node.state.clone(), node.needs.join(", "), now]
        })
        .collect();
    text.push_str("\n\n");
    text.push_str(&table(&["NODE", "ACTION", "STATE", "NEEDS", "NOW"], &rows));
    text
}
