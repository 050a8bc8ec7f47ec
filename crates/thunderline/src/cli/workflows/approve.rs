//! `thunderline workflows approve`

use clap::Args;
use thunderline_web::dto::workflow::{DecideRequest, Execution};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Decide on a node that waits for a person
#[derive(Args, Debug)]
pub struct Approve {
    /// The execution's id
    execution: String,
    /// The node's name
    node: String,
    /// Refuse it instead: the execution fails and is undone
    #[arg(long)]
    refuse: bool,
    /// Why; shown to whoever looks at it later
    #[arg(long, default_value = "")]
    comment: String,
}

impl Approve {
    /// Decides.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path =
            path("/api/v1/executions/{execution}/nodes/{node}/decide", &[&self.execution, &self.node])?;
        let request = DecideRequest { approved: !self.refuse, comment: self.comment.clone() };
        let execution: Execution = client.post(&path, &request)?;
        let decided = if self.refuse { "refused" } else { "approved" };
        print(format, &execution, |it| format!("{} of {} is {decided}", self.node, it.workflow));
        Ok(())
    }
}
