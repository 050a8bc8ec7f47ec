//! `thunderline schedules list`

use clap::Args;
use thunderline_web::dto::{page::Page, schedule::Schedule};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::time, print, table::table},
};

/// List schedules
#[derive(Args, Debug)]
pub struct List {}

impl List {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let page: Page<Schedule> = client.get("/api/v1/schedules", &[])?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Schedule>) -> String {
    if page.items.is_empty() {
        return "no schedule yet: make one with 'thunderline schedules create'".into();
    }
    let row = |it: &Schedule| {
        vec![
            it.name.clone(),
            it.state.clone(),
            it.cron.clone(),
            it.zone.clone(),
            it.job.clone(),
            it.next_at.map_or_else(String::new, time),
            it.last_at.map_or_else(String::new, time),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    table(&["NAME", "STATE", "CRON", "ZONE", "JOB", "NEXT", "LAST"], &rows)
}
