//! `thunderline webhooks list`

use clap::Args;
use thunderline_web::dto::{page::Page, webhook::Webhook};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, print, table::table},
};

/// List webhooks
#[derive(Args, Debug)]
pub struct List {}

impl List {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let page: Page<Webhook> = client.get("/api/v1/webhooks", &[])?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Webhook>) -> String {
    if page.items.is_empty() {
        return "no webhook yet: 'thunderline webhooks create NAME --url URL --event \'fl.*\''".into();
    }
    let row = |it: &Webhook| {
        let failing = if it.failing_since.is_some() { "failing" } else { "" };
        vec![
            it.name.clone(),
            it.state.clone(),
            failing.into(),
            it.events.join(","),
            it.url.clone(),
            it.reason.clone(),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    table(&["NAME", "STATE", "", "EVENTS", "URL", "WHY"], &rows)
}
