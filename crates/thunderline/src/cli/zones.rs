//! `thunderline zones …`

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use thunderline_web::dto::{
    page::Page,
    zone::{AssignRequest, ClaimRequest, ReleaseRequest, RenewRequest, Zone, ZoneNode, ZoneRequest},
};

use super::Global;
use crate::{
    client::{Client, Remote, path},
    failure::{Failure, Result},
    output::{
        Format,
        numbers::time,
        print, say,
        table::{pairs, table},
    },
};

/// See where nodes are, and hold a place for a time
#[derive(Args, Debug)]
pub struct Zones {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// List all zones
    List,
    /// Show one zone
    Show {
        /// Its name
        name: String,
    },
    /// List the nodes of a zone
    Nodes {
        /// Its name
        name: String,
        /// How many at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Go on after the piece whose 'next' this is
        #[arg(long, value_name = "NEXT")]
        after: Option<String>,
    },
    /// Make a zone; nodes that have all its labels are placed there
    Create {
        /// Its name
        name: String,
        /// What a node must say of itself: site=charite, region=eu, trust=internal, …; may be given several times
        #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
        labels: Vec<(String, String)>,
        /// What people shall read about it
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Put nodes into a zone by hand, or with --by-labels leave their places to their labels again
    Assign {
        /// The zone's name; none with --by-labels
        #[arg(
            long,
            value_name = "NAME",
            required_unless_present = "by_labels",
            conflicts_with = "by_labels"
        )]
        zone: Option<String>,
        /// Leave the nodes' places to their labels
        #[arg(long)]
        by_labels: bool,
        /// The nodes' ids
        #[arg(required = true)]
        nodes: Vec<String>,
    },
    /// Take a zone for a time
    Claim {
        /// Its name
        name: String,
        /// For whom
        #[arg(long)]
        owner: String,
        /// For how many seconds, 5 to 86400
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        ttl: u32,
    },
    /// Keep a zone for longer
    Renew {
        /// Its name
        name: String,
        /// The claim's number, as 'zones claim' printed it
        #[arg(long, value_name = "NUMBER")]
        claim: i64,
        /// For how many seconds from now, 5 to 86400
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        ttl: u32,
    },
    /// Give a zone back
    Release {
        /// Its name
        name: String,
        /// The claim's number, as 'zones claim' printed it
        #[arg(long, value_name = "NUMBER")]
        claim: i64,
    },
    /// Delete a zone that nobody holds; its nodes are placed anew by their labels
    Delete {
        /// Its name
        name: String,
    },
}

fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').ok_or_else(|| format!("'{text}' is not KEY=VALUE"))?;
    Ok((pair.0.trim().to_owned(), pair.1.trim().to_owned()))
}

impl Zones {
    /// Runs the chosen command.
    pub fn run(&self, global: &Global) -> Result<()> {
        let client = self.remote.client(&global.data_dir)?;
        self.command.run(&client, global.format())
    }
}

impl Command {
    fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = |name: &str, verb: &str| Ok::<_, Failure>(path("/api/v1/zones/{name}", &[name])? + verb);
        let zone: Zone = match self {
            Self::List => {
                let page: Page<Zone> = client.get("/api/v1/zones", &[])?;
                print(format, &page, |page| list(&page.items));
                return Ok(());
            }
            Self::Nodes { name, limit, after } => {
                let limit = limit.to_string();
                let mut query = vec![("limit", limit.as_str())];
                query.extend(after.as_deref().map(|after| ("after", after)));
                let page: Page<ZoneNode> = client.get(&path(name, "/nodes")?, &query)?;
                print(format, &page, nodes);
                return Ok(());
            }
            Self::Assign { zone, nodes, .. } => {
                let request = AssignRequest { nodes: nodes.clone(), zone: zone.clone() };
                client.tell("/api/v1/zones/assign", &request)?;
                return done(format, &format!("{} placed", nodes.len()));
            }
            Self::Delete { name } => {
                client.remove(&path(name, "")?, &[])?;
                return done(format, &format!("zone '{name}' is deleted"));
            }
            Self::Show { name } => client.get(&path(name, "")?, &[])?,
            Self::Create { name, labels, description } => {
                let labels: BTreeMap<_, _> = labels.iter().cloned().collect();
                let request = ZoneRequest { name: name.clone(), description: description.clone(), labels };
                client.post("/api/v1/zones", &request)?
            }
            Self::Claim { name, owner, ttl } => {
                client.post(&path(name, "/claim")?, &ClaimRequest { owner: owner.clone(), ttl: *ttl })?
            }
            Self::Renew { name, claim, ttl } => {
                client.post(&path(name, "/renew")?, &RenewRequest { token: *claim, ttl: *ttl })?
            }
            Self::Release { name, claim } => {
                client.post(&path(name, "/release")?, &ReleaseRequest { token: *claim })?
            }
        };
        print(format, &zone, one);
        Ok(())
    }
}

fn done(format: Format, says: &str) -> Result<()> {
    if format == Format::Human {
        say(says);
    }
    Ok(())
}

fn labels(zone: &Zone) -> String {
    zone.labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn list(zones: &[Zone]) -> String {
    if zones.is_empty() {
        return "no zone yet: make one with 'thunderline zones create NAME --label site=…'".into();
    }
    let row = |it: &Zone| {
        vec![
            it.name.clone(),
            labels(it),
            it.nodes.to_string(),
            it.owner.clone().unwrap_or_else(|| "–".into()),
            it.expires_at.map_or_else(|| "–".into(), time),
        ]
    };
    let rows: Vec<_> = zones.iter().map(row).collect();
    table(&["ZONE", "LABELS", "NODES", "OWNER", "UNTIL"], &rows)
}

fn nodes(page: &Page<ZoneNode>) -> String {
    let row = |it: &ZoneNode| {
        let by = if it.by_hand { "hand" } else { "labels" };
        let state = if it.online { "online" } else { "offline" };
        vec![it.id.clone(), it.name.clone(), state.to_owned(), by.to_owned()]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let mut text = table(&["ID", "NAME", "STATE", "PLACED BY"], &rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --after {next}"));
    }
    text
}

fn one(it: &Zone) -> String {
    pairs(&[
        ("name", it.name.clone()),
        ("labels", labels(it)),
        ("nodes", it.nodes.to_string()),
        ("owner", it.owner.clone().unwrap_or_default()),
        ("claim", it.token.to_string()),
        ("held since", it.claimed_at.map_or_else(String::new, time)),
        ("until", it.expires_at.map_or_else(String::new, time)),
        ("description", it.description.clone()),
    ])
}
