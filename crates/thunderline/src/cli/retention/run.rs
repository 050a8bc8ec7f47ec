//! `thunderline retention run`

use clap::Args;
use thunderline_web::dto::{
    page::Page,
    retention::{RetentionRun, RetentionSwept},
};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::bytes, print, table::table},
};

/// Forget now what need not be kept
#[derive(Args, Debug)]
pub struct Run {
    /// Only this: see 'thunderline retention list'
    resource: Option<String>,
}

impl Run {
    /// Has it forgotten.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let request = RetentionRun { resource: self.resource.clone() };
        let page: Page<RetentionSwept> = client.post("/api/v1/retention/run", &request)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<RetentionSwept>) -> String {
    if page.items.is_empty() {
        return "there was nothing to forget".into();
    }
    let row = |swept: &RetentionSwept| {
        let more = if swept.more { "more at the next sweep" } else { "" };
        let size = if swept.bytes == 0 { String::new() } else { bytes(swept.bytes) };
        vec![swept.resource.clone(), swept.removed.to_string(), size, more.to_owned()]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    table(&["RESOURCE", "GONE", "SIZE", ""], &rows)
}
