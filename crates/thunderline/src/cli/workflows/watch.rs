//! `thunderline workflows watch`

use std::{collections::HashMap, thread, time::Duration};

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::workflow::{ExecutionDetails, ExecutionNode};

use crate::{
    client::{Client, path},
    failure::{Exit, Failure, Result},
    output::{Format, numbers::time, say},
};

const LOOK: Duration = Duration::from_millis(250);
/// A server that restarts is away for a moment; this many looks in a row may fail.
const PATIENCE: u32 = 120;

/// Follow an execution until it is over
///
/// Each change of a node is one line; with --json, the node as it then stands.
#[derive(Args, Debug)]
pub struct Watch {
    /// The execution's id
    id: String,
}

impl Watch {
    /// Watches. Ends with 1 where the execution does not complete.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        watch(client, &self.id, format)
    }
}

/// Tells each change of a node until the execution is over.
pub fn watch(client: &Client, id: &str, format: Format) -> Result<()> {
    let path = path("/api/v1/executions/{id}", &[id])?;
    let (mut known, mut missed) = (HashMap::<String, String>::new(), 0);
    loop {
        let details: ExecutionDetails = match client.get(&path, &[]) {
            Err(away) if away.exit == Exit::Unreachable && !known.is_empty() && missed < PATIENCE => {
                missed += 1;
                thread::sleep(LOOK);
                continue;
            }
            other => other?,
        };
        missed = 0;
        for node in &details.nodes {
            if known.insert(node.name.clone(), node.state.clone()).as_ref() != Some(&node.state)
                && node.state != "pending"
            {
                say(&told(id, node, format));
            }
        }
        let it = &details.execution;
        match it.state.as_str() {
            "running" | "failing" | "cancelling" => thread::sleep(LOOK),
            "completed" => {
                if format == Format::Human {
                    say(&format!("{} is completed", it.workflow));
                }
                return Ok(());
            }
            state => {
                let reason = it.reason.as_deref().unwrap_or("no reason is known");
                return Err(Failure::failed(format!("{} is {state}: {reason}", it.workflow)));
            }
        }
    }
}

fn told(id: &str, node: &ExecutionNode, format: Format) -> String {
    if format == Format::Json {
        return serde_json::to_string(node).expect("a node is plain data");
    }
    let more = match (&node.waits_for, &node.reason) {
        (Some(what), _) if node.action == "approve" => {
            format!(": {what} (answer with: thunderline workflows approve {id} {})", node.name)
        }
        (Some(what), _) => format!(": {what}"),
        (None, Some(reason)) => format!(": {reason}"),
        (None, None) => String::new(),
    };
    format!("{}  {} is {}{more}", time(SystemClock.now()), node.name, node.state)
}
