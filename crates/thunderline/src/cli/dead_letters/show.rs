//! `thunderline dead-letters show`

use clap::Args;
use thunderline_web::dto::dead_letter::DeadLetter;

use crate::{
    cli::events::describe,
    client::{Client, path},
    failure::Result,
    output::{Format, numbers::time, print, table::pairs},
};

/// Show one with its event
#[derive(Args, Debug)]
pub struct Show {
    /// The dead letter's id
    id: String,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let letter: DeadLetter = client.get(&path("/api/v1/dead-letters/{id}", &[&self.id])?, &[])?;
        print(format, &letter, |it| {
            let head = pairs(&[
                ("dead letter", it.id.clone()),
                ("consumer", format!("{} ({})", it.consumer, it.pipeline)),
                ("state", it.state.clone()),
                ("tries", it.attempts.to_string()),
                ("class", it.class.clone()),
                ("error", it.reason.clone()),
                ("first failed", time(it.created_at)),
                ("last failed", time(it.failed_at)),
                ("finished", it.finished_at.map(time).unwrap_or_default()),
            ]);
            format!("{head}\n\n{}", describe(&it.event))
        });
        Ok(())
    }
}
