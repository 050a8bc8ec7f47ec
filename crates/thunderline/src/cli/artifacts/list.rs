//! `thunderline artifacts list`

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::{artifact::Artifact, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{
        Format,
        numbers::{ago, bytes, short},
        print,
        table::table,
    },
};

/// List artifacts, the newest first
#[derive(Args, Debug)]
pub struct List {
    /// Only those that this federation made
    #[arg(long, value_name = "ID")]
    federation: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
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
        query.extend(self.federation.as_deref().map(|federation| ("federation", federation)));
        query.extend(self.before.as_deref().map(|before| ("before", before)));
        let page: Page<Artifact> = client.get("/api/v1/artifacts", &query)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Artifact>) -> String {
    if page.items.is_empty() {
        return "nothing is stored yet".into();
    }
    let now = SystemClock.now();
    let row = |artifact: &Artifact| {
        vec![
            artifact.id.clone(),
            artifact.kind.clone(),
            artifact.name.clone(),
            artifact.format.clone(),
            bytes(artifact.size_bytes),
            short(&artifact.sha256),
            ago(artifact.created_at, now),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let mut text = table(&["ID", "KIND", "NAME", "FORMAT", "SIZE", "SHA-256", "STORED"], &rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --before {next}"));
    }
    text
}
