//! `thunderline nodes list`

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::{node::Node, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::ago, print, table::table},
};

/// List nodes, the newest first
#[derive(Args, Debug)]
pub struct List {
    /// Only those in this state: online, offline, unregistered
    #[arg(long)]
    state: Option<String>,
    /// Only those in this group, or in one of its parts
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Only those with this label
    #[arg(long, value_name = "LABEL")]
    tag: Option<String>,
    /// Only those with this capability
    #[arg(long, value_name = "KEY")]
    capability: Option<String>,
    /// Only those that are shut out
    #[arg(long)]
    evicted: bool,
    /// How many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Go on after the piece whose 'next' this is
    #[arg(long, value_name = "NEXT")]
    before: Option<String>,
}

impl List {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let limit = self.limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(self.state.as_deref().map(|state| ("state", state)));
        query.extend(self.group.as_deref().map(|group| ("group", group)));
        query.extend(self.tag.as_deref().map(|tag| ("tag", tag)));
        query.extend(self.capability.as_deref().map(|capability| ("capability", capability)));
        query.extend(self.evicted.then_some(("evicted", "true")));
        query.extend(self.before.as_deref().map(|before| ("before", before)));
        let page: Page<Node> = client.get("/api/v1/nodes", &query)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Node>) -> String {
    if page.items.is_empty() {
        return "no such node; where none has come yet: start one with 'thunderline runner', or point a flower-supernode here"
            .into();
    }
    let now = SystemClock.now();
    let row = |node: &Node| {
        vec![
            node.id.clone(),
            node.name.clone(),
            if node.evicted.is_some() { "evicted".to_owned() } else { node.state.clone() },
            format!("{} {}", node.kind, node.version).trim().to_owned(),
            node.tags.join(","),
            ago(node.changed_at, now),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let mut text = table(&["ID", "NAME", "STATE", "PROGRAM", "TAGS", "SINCE"], &rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --before {next}"));
    }
    text
}
