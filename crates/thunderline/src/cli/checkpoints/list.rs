//! `thunderline checkpoints list`

use clap::Args;
use thunderline_web::dto::{checkpoint::Checkpoint, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::time, print, table::table},
};

/// List checkpoints, the newest first
#[derive(Args, Debug)]
pub struct List {
    /// How many at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
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
        let page: Page<Checkpoint> = client.get("/api/v1/checkpoints", &query)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Checkpoint>) -> String {
    if page.items.is_empty() {
        return "there is no checkpoint yet".into();
    }
    let row = |checkpoint: &Checkpoint| {
        vec![
            checkpoint.id.clone(),
            time(checkpoint.at),
            checkpoint.reason.clone(),
            checkpoint.running.len().to_string(),
            checkpoint.outbox.to_string(),
            checkpoint.note.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let mut text = table(&["ID", "TIME", "REASON", "RUNNING", "EVENT", "NOTE"], &rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --before {next}"));
    }
    text
}
