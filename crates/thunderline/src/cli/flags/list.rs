//! `thunderline flags list`

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::{flag::Flag, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::ago, print, table::table},
};

/// List the flags that somebody set; all others are off
#[derive(Args, Debug)]
pub struct List {}

impl List {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let page: Page<Flag> = client.get("/api/v1/flags", &[])?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Flag>) -> String {
    if page.items.is_empty() {
        return "no flag is set: all are off".into();
    }
    let now = SystemClock.now();
    let row = |it: &Flag| {
        vec![
            it.name.clone(),
            if it.rules.enabled { "on" } else { "off" }.into(),
            it.rules.percentage.map(|it| format!("{it}%")).unwrap_or_default(),
            it.rules.tenants.len().to_string(),
            ago(it.changed_at, now),
            it.changed_by.clone(),
            it.rules.note.clone(),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    table(&["FLAG", "IS", "OF", "TENANTS", "SET", "BY", "NOTE"], &rows)
}
