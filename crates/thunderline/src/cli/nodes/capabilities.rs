//! `thunderline nodes capabilities …`

use clap::Subcommand;
use serde_json::Value;
use thunderline_web::dto::node::{Capability, CapabilityRequest, Node};

use super::show::plain;
use crate::{
    client::Client,
    failure::Result,
    output::{Format, print, table::table},
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
            Self::Show { id } => client.get(&format!("/api/v1/nodes/{id}"), &[])?,
            Self::Set { id, key, value, disabled } => {
                let request = CapabilityRequest { value: parse(value), enabled: !disabled };
                client.put(&format!("/api/v1/nodes/{id}/capabilities/{key}"), &request)?
            }
            Self::Unset { id, key } => {
                client.delete(&format!("/api/v1/nodes/{id}/capabilities/{key}"))?;
                client.get(&format!("/api/v1/nodes/{id}"), &[])?
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

/// As JSON would read it where that is a plain value, and else as text.
fn parse(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Bool(_) | Value::Number(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_flags_are_read_as_such_and_all_else_as_text() {
        assert_eq!(["true", "8", "eu", "[1]"].map(parse), [json!(true), json!(8), json!("eu"), json!("[1]")]);
    }
}
