//! `thunderline nodes sessions`

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::{node::Session, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{
        Format,
        numbers::{ago, time},
        print,
        table::table,
    },
};

/// List nodes' sessions, from their coming to their going
#[derive(Args, Debug)]
pub struct Sessions {
    /// Only those of this node
    node: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Go on after the piece whose 'next' this is
    #[arg(long, value_name = "NEXT")]
    before: Option<String>,
}

impl Sessions {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let limit = self.limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(self.node.as_deref().map(|node| ("node", node)));
        query.extend(self.before.as_deref().map(|before| ("before", before)));
        let page: Page<Session> = client.get("/api/v1/sessions", &query)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Session>) -> String {
    if page.items.is_empty() {
        return "no session".into();
    }
    let now = SystemClock.now();
    let row = |it: &Session| {
        vec![
            it.node.clone(),
            it.state.clone(),
            it.transport.clone(),
            time(it.opened_at),
            it.closed_at.map_or_else(|| "–".to_owned(), time),
            it.last_seen.map_or_else(|| "–".to_owned(), |seen| ago(seen, now)),
            it.requests.to_string(),
            it.lag_micros.map_or_else(|| "–".to_owned(), |lag| format!("{:.1}", lag as f64 / 1000.0)),
            it.reason.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let headings = ["NODE", "STATE", "BY", "OPENED", "CLOSED", "SEEN", "REQUESTS", "LAG MS", "REASON"];
    let mut text = table(&headings, &rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --before {next}"));
    }
    text
}
