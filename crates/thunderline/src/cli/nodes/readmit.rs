//! `thunderline nodes readmit`

use clap::Args;
use thunderline_web::dto::node::Node;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Let a node in again that was shut out
#[derive(Args, Debug)]
pub struct Readmit {
    /// The node's id
    id: String,
}

impl Readmit {
    /// Lets it in.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/nodes/{id}/readmit", &[&self.id])?;
        let node: Node = client.post(&path, &serde_json::json!({}))?;
        print(format, &node, |node| {
            format!("node {} ({}) may come back; start it again if it has ended itself", node.id, node.name)
        });
        Ok(())
    }
}
