//! `thunderline nodes heartbeats`

use clap::Args;
use thunderline_web::dto::{node::Heartbeats, page::Page};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, numbers::time, print, table::table},
};

/// Show a node's signs of life of the last day, ten minutes in a row
#[derive(Args, Debug)]
pub struct Beats {
    /// The node's id
    node: String,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl Beats {
    /// Shows them.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let limit = self.limit.to_string();
        let path = path("/api/v1/nodes/{node}/heartbeats", &[&self.node])?;
        let page: Page<Heartbeats> = client.get(&path, &[("limit", limit.as_str())])?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Heartbeats>) -> String {
    if page.items.is_empty() {
        return "nothing is written down yet: the first row comes ten minutes after the node".into();
    }
    let row = |it: &Heartbeats| {
        vec![
            time(it.at),
            time(it.until),
            it.requests.to_string(),
            it.lag_micros.map_or_else(|| "–".to_owned(), |lag| format!("{:.1}", lag as f64 / 1000.0)),
            format!("{:.1}", it.longest_gap_micros as f64 / 1e6),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    table(&["FROM", "TO", "REQUESTS", "LAG MS", "LONGEST GAP S"], &rows)
}
