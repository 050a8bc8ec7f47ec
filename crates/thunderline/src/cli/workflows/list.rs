//! `thunderline workflows list`

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::{
    page::Page,
    workflow::{Execution, Workflow},
};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::ago, print, table::table},
};

/// List workflows, or what was started of them
#[derive(Args, Debug)]
pub struct List {
    /// List executions instead, the newest first
    #[arg(long)]
    executions: bool,
    /// Only executions in this state: running, failing, cancelling, completed, failed, cancelled, halted
    #[arg(long, value_name = "STATE", requires = "executions")]
    state: Option<String>,
    /// Only executions of this workflow
    #[arg(long, value_name = "NAME", requires = "executions")]
    workflow: Option<String>,
    /// How many at most, up to 1000
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl List {
    /// Lists them.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let limit = self.limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        if !self.executions {
            let page: Page<Workflow> = client.get("/api/v1/workflows", &query)?;
            print(format, &page, workflows);
            return Ok(());
        }
        query.extend(self.state.iter().map(|state| ("state", state.as_str())));
        query.extend(self.workflow.iter().map(|name| ("workflow", name.as_str())));
        let page: Page<Execution> = client.get("/api/v1/executions", &query)?;
        print(format, &page, executions);
        Ok(())
    }
}

fn workflows(page: &Page<Workflow>) -> String {
    if page.items.is_empty() {
        return "there are no workflows; define one with: thunderline workflows define -f FILE".into();
    }
    let row = |it: &Workflow| {
        vec![it.name.clone(), it.version.to_string(), it.nodes.len().to_string(), it.description.clone()]
    };
    table(&["NAME", "VERSION", "NODES", "DESCRIPTION"], &page.items.iter().map(row).collect::<Vec<_>>())
}

fn executions(page: &Page<Execution>) -> String {
    if page.items.is_empty() {
        return "nothing was started; start a workflow with: thunderline workflows start NAME".into();
    }
    let now = SystemClock.now();
    let row = |it: &Execution| {
        let reason = it.reason.clone().unwrap_or_default();
        vec![it.id.clone(), it.workflow.clone(), it.state.clone(), ago(it.started_at, now), reason]
    };
    table(&["ID", "WORKFLOW", "STATE", "STARTED", "REASON"], &page.items.iter().map(row).collect::<Vec<_>>())
}
