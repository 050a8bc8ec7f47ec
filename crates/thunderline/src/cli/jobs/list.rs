//! `thunderline jobs list`

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::{job::Job, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::ago, print, table::table},
};

/// List jobs, the newest first
///
/// Completed jobs are remembered for 7 days, discarded and cancelled ones for 30.
///
/// Example: thunderline jobs list --state discarded --limit 10
#[derive(Args, Debug)]
pub struct List {
    /// Only those in this state
    #[arg(long, value_parser = ["available", "running", "completed", "discarded", "cancelled"])]
    state: Option<String>,
    /// Only those of this kind, as fl.federation.drive
    #[arg(long)]
    name: Option<String>,
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
        query.extend(self.name.as_deref().map(|name| ("name", name)));
        query.extend(self.before.as_deref().map(|before| ("before", before)));
        let page: Page<Job> = client.get("/api/v1/jobs", &query)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Job>) -> String {
    if page.items.is_empty() {
        return "no such job".into();
    }
    let now = SystemClock.now();
    let row = |job: &Job| {
        vec![
            job.id.clone(),
            job.name.clone(),
            job.key.clone(),
            job.state.clone(),
            format!("{}/{}", job.attempts, job.max_attempts),
            ago(job.created_at, now),
            job.last_error.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let headings = ["ID", "NAME", "KEY", "STATE", "ATTEMPTS", "CREATED", "LAST ERROR"];
    let mut text = table(&headings, &rows);
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --before {next}"));
    }
    text
}
