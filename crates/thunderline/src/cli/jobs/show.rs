//! `thunderline jobs show`

use clap::Args;
use thunderline_web::dto::job::{JobAttempt, JobDetails};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{
        Format,
        numbers::{duration, time},
        print,
        table::{pairs, table},
    },
};

/// Show one job with every attempt
#[derive(Args, Debug)]
pub struct Show {
    /// The job's id
    id: String,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let details: JobDetails = client.get(&path("/api/v1/jobs/{id}", &[&self.id])?, &[])?;
        print(format, &details, human);
        Ok(())
    }
}

fn human(details: &JobDetails) -> String {
    let it = &details.job;
    let mut text = pairs(&[
        ("id", it.id.clone()),
        ("name", it.name.clone()),
        ("key", it.key.clone()),
        ("state", it.state.clone()),
        ("payload", details.payload.to_string()),
        ("priority", it.priority.to_string()),
        ("attempts", format!("{} of {}, {} failed", it.attempts, it.max_attempts, it.failures)),
        ("last error", it.last_error.clone().unwrap_or_default()),
        ("worker", it.worker.clone().unwrap_or_default()),
        ("created", time(it.created_at)),
        ("not before", time(it.run_at)),
        ("started", it.started_at.map_or_else(String::new, time)),
        ("finished", it.finished_at.map_or_else(String::new, time)),
        ("correlation", details.correlation.clone()),
    ]);
    if !details.history.is_empty() {
        text.push_str("\n\n");
        text.push_str(&attempts(&details.history));
    }
    text
}

fn attempts(history: &[JobAttempt]) -> String {
    let row = |it: &JobAttempt| {
        vec![
            it.attempt.to_string(),
            it.outcome.clone(),
            time(it.started_at),
            duration(it.ended_at.duration_since(it.started_at).as_secs_f64()),
            it.worker.clone(),
            it.error.clone().unwrap_or_default(),
        ]
    };
    let headings = ["ATTEMPT", "OUTCOME", "STARTED", "TOOK", "WORKER", "ERROR"];
    table(&headings, &history.iter().map(row).collect::<Vec<_>>())
}
