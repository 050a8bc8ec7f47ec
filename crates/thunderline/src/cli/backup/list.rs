//! `thunderline backup list`

use clap::Args;
use thunderline_web::dto::{backup::Backup, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{
        Format,
        numbers::{bytes, short, time},
        print,
        table::table,
    },
};

/// List the backups that the server was asked for, the newest first
#[derive(Args, Debug)]
pub struct List {
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
        query.extend(self.before.as_deref().map(|before| ("before", before)));
        let page: Page<Backup> = client.get("/api/v1/backups", &query)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Backup>) -> String {
    if page.items.is_empty() {
        return "the server has made no backup yet: 'thunderline backup' makes one".into();
    }
    let row = |backup: &Backup| {
        vec![
            time(backup.requested_at),
            backup.state.clone(),
            backup.size_bytes.map(bytes).unwrap_or_default(),
            short(backup.seal.as_deref().unwrap_or_default()),
            backup.path.clone(),
            backup.reason.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let mut text = table(&["TIME", "STATE", "SIZE", "SEAL", "FILE", "REASON"], &rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --before {next}"));
    }
    text
}
