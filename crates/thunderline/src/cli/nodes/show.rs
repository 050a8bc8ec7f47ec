//! `thunderline nodes show`

use clap::Args;
use thunderline_web::dto::node::{Capability, Node};

use crate::{
    client::{Client, path},
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
        let node: Node = client.get(&path("/api/v1/nodes/{id}", &[&self.id])?, &[])?;
        print(format, &node, human);
        Ok(())
    }
}

/// A node for people.
pub fn human(node: &Node) -> String {
    let capability = |(key, it): (&String, &Capability)| {
        let off = if it.enabled { "" } else { " (off)" };
        format!("{key}={}{off}", plain(&it.value))
    };
    let evicted = node.evicted.as_ref().map(|it| format!("{} by {}: {}", time(it.at), it.by, it.reason));
    pairs(&[
        ("id", node.id.clone()),
        ("name", node.name.clone()),
        ("state", node.state.clone()),
        ("reason", node.reason.clone().unwrap_or_default()),
        ("evicted", evicted.unwrap_or_default()),
        ("program", format!("{} {}", node.kind, node.version)),
        ("tags", node.tags.join(", ")),
        ("groups", node.groups.join(", ")),
        ("capabilities", node.capabilities.iter().map(capability).collect::<Vec<_>>().join(", ")),
        ("heartbeat", format!("every {} s", node.heartbeat_seconds)),
        ("last seen", node.last_seen.map_or_else(String::new, time)),
        ("registered", time(node.registered_at)),
        ("changed", time(node.changed_at)),
    ])
}

/// A plain value without quotes.
pub fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
