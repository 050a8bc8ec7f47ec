//! `thunderline nodes show`

use clap::Args;
use thunderline_web::dto::node::Node;

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::time, print, table::pairs},
};

/// Show one node
#[derive(Args, Debug)]
pub struct Show {
    /// The node's id
    id: String,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let node: Node = client.get(&format!("/api/v1/nodes/{}", self.id), &[])?;
        print(format, &node, |node| {
            let capacity = if node.capacity.is_null() { String::new() } else { node.capacity.to_string() };
            pairs(&[
                ("id", node.id.clone()),
                ("name", node.name.clone()),
                ("state", node.state.clone()),
                ("reason", node.reason.clone().unwrap_or_default()),
                ("program", format!("{} {}", node.kind, node.version)),
                ("tags", node.tags.join(", ")),
                ("capacity", capacity),
                ("heartbeat", format!("every {} s", node.heartbeat_seconds)),
                ("registered", time(node.registered_at)),
                ("changed", time(node.changed_at)),
            ])
        });
        Ok(())
    }
}
