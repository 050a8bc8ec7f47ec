//! `thunderline nodes evict`

use clap::Args;
use thunderline_web::dto::node::{EvictRequest, Node};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Shut a node out: its key is refused, what it was working on ends
#[derive(Args, Debug)]
pub struct Evict {
    /// The node's id
    id: String,
    /// Why; the node is told
    #[arg(long, default_value = "")]
    reason: String,
}

impl Evict {
    /// Shuts it out.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let request = EvictRequest { reason: self.reason.clone() };
        let node: Node = client.post(&path("/api/v1/nodes/{id}/evict", &[&self.id])?, &request)?;
        print(format, &node, |node| format!("node {} ({}) is shut out", node.id, node.name));
        Ok(())
    }
}
