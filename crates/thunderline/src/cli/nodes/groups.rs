//! `thunderline nodes groups …`

use clap::Subcommand;
use thunderline_web::dto::{
    group::{MembersRequest, NodeGroup, NodeGroupMove, NodeGroupRequest},
    page::Page,
};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{
        Format, print, say,
        table::{pairs, table},
    },
};

/// Group nodes, so that federations can select by groups
#[derive(Subcommand, Debug)]
pub enum Groups {
    /// List all groups
    List,
    /// Make a group
    Create {
        /// Its name
        name: String,
        /// zone, shard, region, role, project or custom
        #[arg(long, default_value = "custom")]
        kind: String,
        /// The group that it is to be a part of
        #[arg(long, value_name = "NAME")]
        parent: Option<String>,
        /// What people shall read about it
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Show one group; its nodes: 'nodes list --group NAME'
    Show {
        /// Its name
        name: String,
    },
    /// Make a group a part of another one
    Move {
        /// Its name
        name: String,
        /// The other group; of none unless given
        #[arg(long, value_name = "NAME")]
        parent: Option<String>,
    },
    /// Put nodes into a group
    Add {
        /// Its name
        name: String,
        /// The nodes' ids
        #[arg(required = true)]
        nodes: Vec<String>,
    },
    /// Take nodes out of a group
    Remove {
        /// Its name
        name: String,
        /// The nodes' ids
        #[arg(required = true)]
        nodes: Vec<String>,
    },
    /// Delete a group; its nodes stay
    Delete {
        /// Its name
        name: String,
    },
}

impl Groups {
    /// Runs the chosen command.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let at = |name: &str| path("/api/v1/node-groups/{name}", &[name]);
        let members = |name: &str| path("/api/v1/node-groups/{name}/members", &[name]);
        let group: NodeGroup = match self {
            Self::List => {
                let page: Page<NodeGroup> = client.get("/api/v1/node-groups", &[])?;
                print(format, &page, |page| list(&page.items));
                return Ok(());
            }
            Self::Delete { name } => {
                client.remove(&at(name)?, &[])?;
                if format == Format::Human {
                    say(&format!("group '{name}' is deleted"));
                }
                return Ok(());
            }
            Self::Create { name, kind, parent, description } => {
                let request = NodeGroupRequest {
                    name: name.clone(),
                    kind: kind.clone(),
                    parent: parent.clone(),
                    description: description.clone(),
                };
                client.post("/api/v1/node-groups", &request)?
            }
            Self::Show { name } => client.get(&at(name)?, &[])?,
            Self::Move { name, parent } => {
                let request = NodeGroupMove { parent: parent.clone() };
                client.put(&format!("{}/parent", at(name)?), &[], &request)?
            }
            Self::Add { name, nodes } => {
                let request = MembersRequest { add: nodes.clone(), remove: Vec::new() };
                client.post(&members(name)?, &request)?
            }
            Self::Remove { name, nodes } => {
                let request = MembersRequest { add: Vec::new(), remove: nodes.clone() };
                client.post(&members(name)?, &request)?
            }
        };
        print(format, &group, one);
        Ok(())
    }
}

fn list(groups: &[NodeGroup]) -> String {
    if groups.is_empty() {
        return "no group yet: make one with 'thunderline nodes groups create NAME'".into();
    }
    let row = |it: &NodeGroup| {
        vec![
            it.path.join("/"),
            it.kind.clone(),
            it.members.to_string(),
            it.members_below.to_string(),
            it.description.clone(),
        ]
    };
    let rows: Vec<_> = groups.iter().map(row).collect();
    table(&["GROUP", "KIND", "NODES", "WITH PARTS", "DESCRIPTION"], &rows)
}

fn one(it: &NodeGroup) -> String {
    pairs(&[
        ("name", it.name.clone()),
        ("kind", it.kind.clone()),
        ("path", it.path.join("/")),
        ("parts", it.parts.join(", ")),
        ("nodes", it.members.to_string()),
        ("with parts", it.members_below.to_string()),
        ("description", it.description.clone()),
    ])
}
