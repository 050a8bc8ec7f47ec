//! `thunderline events list`

use clap::Args;
use thunderline_web::dto::{event::Event, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::time, print, table::table},
};

/// List events from a place in the stream on
#[derive(Args, Debug)]
pub struct List {
    /// Only events after this sequence number; without it, the latest ones
    #[arg(long, value_name = "SEQ", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// Only these kinds, separated by commas: names, or the beginnings of some as fl.round.*
    #[arg(long, value_name = "NAME,…")]
    name: Option<String>,
    /// Only events about this thing, as kind:id
    #[arg(long, value_name = "KIND:ID")]
    subject: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl List {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let (after, limit) = (self.after.map(|after| after.to_string()), self.limit.to_string());
        let mut query = vec![("limit", limit.as_str())];
        query.extend(after.as_deref().map(|after| ("after", after)));
        query.extend(self.name.as_deref().map(|name| ("name", name)));
        query.extend(self.subject.as_deref().map(|subject| ("subject", subject)));
        let page: Page<Event> = client.get("/api/v1/events", &query)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Event>) -> String {
    if page.items.is_empty() {
        return "no such event".into();
    }
    let row = |event: &Event| {
        vec![
            event.sequence.to_string(),
            time(event.time),
            event.name.clone(),
            format!("{} {}", event.subject_kind, event.subject_id),
            event.id.clone(),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let mut text = table(&["SEQ", "TIME", "NAME", "ABOUT", "ID"], &rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --after {next}"));
    }
    text
}
