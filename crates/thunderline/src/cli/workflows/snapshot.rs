//! `thunderline workflows snapshot`

use clap::Args;
use thunderline_web::dto::workflow::WorkflowSnapshot;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Keep a definition and its execution as they stand
///
/// The digest is SHA-256 of the document as JSON without spaces and with sorted keys: the same state gives the same.
#[derive(Args, Debug)]
pub struct Snapshot {
    /// The execution's id
    execution: String,
}

impl Snapshot {
    /// Takes it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/executions/{execution}/snapshots", &[&self.execution])?;
        let snapshot: WorkflowSnapshot = client.post(&path, &())?;
        print(format, &snapshot, |it| format!("sha256:{} (with --json the document)", it.sha256));
        Ok(())
    }
}
