//! `thunderline dead-letters list`

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::{dead_letter::DeadLetter, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::ago, print, table::table},
};

/// List them, the newest first
#[derive(Args, Debug)]
pub struct List {
    /// Only this consumer's
    #[arg(long, value_name = "NAME")]
    consumer: Option<String>,
    /// Only those in this state
    #[arg(long, value_parser = ["waiting", "due", "replayed", "dropped"])]
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
        query.extend(self.consumer.as_deref().map(|consumer| ("consumer", consumer)));
        query.extend(self.state.as_deref().map(|state| ("state", state)));
        query.extend(self.before.as_deref().map(|before| ("before", before)));
        let page: Page<DeadLetter> = client.get("/api/v1/dead-letters", &query)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<DeadLetter>) -> String {
    if page.items.is_empty() {
        return "no dead letter: every consumer has handled what it was given".into();
    }
    let now = SystemClock.now();
    let row = |it: &DeadLetter| {
        vec![
            it.id.clone(),
            it.consumer.clone(),
            it.state.clone(),
            it.event.name.clone(),
            it.event.sequence.to_string(),
            it.attempts.to_string(),
            it.class.clone(),
            ago(it.failed_at, now),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let mut text = table(&["ID", "CONSUMER", "STATE", "EVENT", "SEQ", "TRIES", "CLASS", "FAILED"], &rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --before {next}"));
    }
    text
}
