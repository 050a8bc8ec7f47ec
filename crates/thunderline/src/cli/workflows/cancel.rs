//! `thunderline workflows cancel`

use clap::Args;
use thunderline_web::dto::{federation::CancelRequest, workflow::Execution};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Stop an execution and undo what it did
#[derive(Args, Debug)]
pub struct Cancel {
    /// The execution's id
    execution: String,
    /// Why; shown to whoever looks at it later
    #[arg(long, default_value = "")]
    reason: String,
}

impl Cancel {
    /// Stops it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/executions/{execution}/cancel", &[&self.execution])?;
        let execution: Execution = client.post(&path, &CancelRequest { reason: self.reason.clone() })?;
        print(format, &execution, |it| {
            format!("{} is {}; follow it with: thunderline workflows watch {}", it.workflow, it.state, it.id)
        });
        Ok(())
    }
}
