//! `thunderline events consumers`

use clap::Args;
use thunderline_core::{Clock, SystemClock, Timestamp};
use thunderline_web::dto::{consumer::Consumer, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::ago, print, table::table},
};

/// List who consumes events, and how far each is
#[derive(Args, Debug)]
pub struct Consumers {}

impl Consumers {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let page: Page<Consumer> = client.get("/api/v1/consumers", &[])?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Consumer>) -> String {
    let now = SystemClock.now();
    let since = |at: Timestamp| if at == Timestamp::UNIX_EPOCH { "–".into() } else { ago(at, now) };
    let row = |it: &Consumer| {
        vec![
            it.name.clone(),
            it.pipeline.clone(),
            it.sequence.to_string(),
            it.lag.to_string(),
            it.dead_letters.to_string(),
            since(it.moved_at),
            since(it.registered_at),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    table(&["CONSUMER", "PIPELINE", "SEQ", "LAG", "DEAD LETTERS", "MOVED", "STARTED"], &rows)
}
