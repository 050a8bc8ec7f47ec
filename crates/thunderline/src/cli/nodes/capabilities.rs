//! `thunderline nodes capabilities …`

use clap::Subcommand;
use thunderline_web::dto::node::{Capability, CapabilityRequest, Node};

use super::show::plain;
use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, numbers::plain_value, print, table::table},
};

/// See and say what a node can do
#[derive(Subcommand, Debug)]
pub enum Capabilities {
    /// Show what a node can do, and who says so
    Show {
        /// The node's id
        id: String,
    },
    /// Say what a node can do; it counts before what the node says of itself
    Set {
        /// The node's id
        id: String,
        /// The key: a-z, 0-9, '_', '-', '.'
        key: String,
        /// true, false, a number or a text
        value: String,
        /// Let it not count when nodes are chosen
        #[arg(long)]
        disabled: bool,
    },
    /// Take back what was said: what the node reports counts again
    Unset {
        /// The node's id
        id: String,
        /// The key
        key: String,
    },
}

impl Capabilities {
    /// Runs the chosen command.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let node: Node = match self {
            Self::Show { id } => client.get(&path("/api/v1/nodes/{id}", &[id])?, &[])?,
            Self::Set { id, key, value, disabled } => {
                let request = CapabilityRequest { value: plain_value(value), enabled: !disabled };
                client.put(&path("/api/v1/nodes/{id}/capabilities/{key}", &[id, key])?, &[], &request)?
            }
            Self::Unset { id, key } => {
                client.remove(&path("/api/v1/nodes/{id}/capabilities/{key}", &[id, key])?, &[])?;
                client.get(&path("/api/v1/nodes/{id}", &[id])?, &[])?
            }
        };
        print(format, &node.capabilities, |capabilities| {
            if capabilities.is_empty() {
                return "nobody says what this node can do".into();
            }
            let row = |(key, it): (&String, &Capability)| {
                let counts = if it.enabled { "yes" } else { "no" };
                vec![key.clone(), plain(&it.value), counts.to_owned(), it.source.clone()]
            };
            let rows: Vec<_> = capabilities.iter().map(row).collect();
            table(&["KEY", "VALUE", "COUNTS", "SAID BY"], &rows)
        });
        Ok(())
    }
}
