//! `thunderline federations list`

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::{federation::Federation, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::ago, print, table::table},
};

/// List federations, the newest first
#[derive(Args, Debug)]
pub struct List {
    /// Only those in this state
    #[arg(long, value_parser = ["created", "running", "paused", "completed", "failed", "cancelled"])]
    state: Option<String>,
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
        query.extend(self.state.as_deref().map(|state| ("state", state)));
        query.extend(self.before.as_deref().map(|before| ("before", before)));
        let page: Page<Federation> = client.get("/api/v1/federations", &query)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Federation>) -> String {
    if page.items.is_empty() {
        return "no federation yet: submit one with 'thunderline federations submit -f FILE', or see 'thunderline demo'".into();
    }
    let now = SystemClock.now();
    let row = |federation: &Federation| {
        vec![
            federation.id.clone(),
            federation.name.clone(),
            federation.state.clone(),
            format!("{}/{}", federation.completed_rounds, federation.rounds_total),
            federation.strategy.clone(),
            ago(federation.created_at, now),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let mut text = table(&["ID", "NAME", "STATE", "ROUNDS", "STRATEGY", "CREATED"], &rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --before {next}"));
    }
    text
}
