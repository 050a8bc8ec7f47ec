//! `thunderline workflows show`

use clap::Args;
use thunderline_core::ExecutionId;
use thunderline_web::dto::workflow::{ExecutionDetails, Workflow};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print, say, table::table},
};

/// Show a workflow, or how an execution stands
#[derive(Args, Debug)]
pub struct Show {
    /// A workflow's name, or an execution's id
    which: String,
    /// Which version of a workflow; the newest unless told otherwise
    #[arg(long, value_name = "NUMBER")]
    workflow_version: Option<u32>,
    /// Print a workflow's document as it was handed in
    #[arg(long)]
    document: bool,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        if self.which.parse::<ExecutionId>().is_ok() {
            let details: ExecutionDetails =
                client.get(&path("/api/v1/executions/{which}", &[&self.which])?, &[])?;
            print(format, &details, super::execution);
            return Ok(());
        }
        let version = self.workflow_version.map(|version| version.to_string());
        let query: Vec<_> = version.iter().map(|version| ("version", version.as_str())).collect();
        let workflow: Workflow = client.get(&path("/api/v1/workflows/{which}", &[&self.which])?, &query)?;
        if self.document {
            say(&workflow.document);
            return Ok(());
        }
        print(format, &workflow, human);
        Ok(())
    }
}

fn human(it: &Workflow) -> String {
    let mut text = format!("{} version {} (sha256:{})\n{}\n", it.name, it.version, it.sha256, it.description);
    for input in &it.inputs {
        let default =
            input.default.as_ref().map_or("must be given".to_owned(), |value| format!("default {value}"));
        text.push_str(&format!("input {}: {default} {}\n", input.name, input.description));
    }
    let row = |node: &thunderline_web::dto::workflow::WorkflowNode| {
        vec![
            node.name.clone(),
            node.action.clone(),
            node.needs.join(", "),
            node.compensate.clone().unwrap_or_default(),
            node.retries.to_string(),
            node.timeout_seconds.map_or_else(String::new, |seconds| format!("{seconds} s")),
        ]
    };
    let headings = ["NODE", "ACTION", "NEEDS", "UNDONE BY", "RETRIES", "TIMEOUT"];
    text.push('\n');
    text.push_str(&table(&headings, &it.nodes.iter().map(row).collect::<Vec<_>>()));
    text
}
