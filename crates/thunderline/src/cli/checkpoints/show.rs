//! `thunderline checkpoints show`

use clap::Args;
use thunderline_web::dto::{checkpoint::Checkpoint, page::Page};

use crate::{
    client::{Client, path},
    failure::{Exit, Failure, Result},
    output::{
        Format,
        numbers::time,
        print,
        table::{pairs, table},
    },
};

/// Show one checkpoint; of a start, what it found and what goes on
#[derive(Args, Debug)]
pub struct Show {
    /// The checkpoint's id; the newest start without it
    id: Option<String>,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let id = match &self.id {
            Some(id) => id.clone(),
            None => newest_start(client)?,
        };
        let checkpoint: Checkpoint = client.get(&path("/api/v1/checkpoints/{id}", &[&id])?, &[])?;
        print(format, &checkpoint, human);
        Ok(())
    }
}

fn newest_start(client: &Client) -> Result<String> {
    let page: Page<Checkpoint> = client.get("/api/v1/checkpoints", &[("limit", "1000")])?;
    let start = page.items.into_iter().find(|checkpoint| checkpoint.reason == "start");
    let start = start.ok_or_else(|| {
        Failure::new(Exit::NotFound, "no start among the newest 1000 checkpoints: name one of the list")
    })?;
    Ok(start.id)
}

fn human(checkpoint: &Checkpoint) -> String {
    let clean = match checkpoint.clean {
        Some(true) => "in good order",
        Some(false) => "not in good order",
        None => "",
    };
    let mut text = pairs(&[
        ("id", checkpoint.id.clone()),
        ("time", time(checkpoint.at)),
        ("process", checkpoint.node.clone()),
        ("reason", checkpoint.reason.clone()),
        ("stop before", clean.to_owned()),
        ("note", checkpoint.note.clone().unwrap_or_default()),
        ("events", format!("up to number {}", checkpoint.outbox)),
    ]);
    if !checkpoint.running.is_empty() {
        let row = |kind: &str, id: &str, label: &str, says: String| {
            vec![kind.to_owned(), id.to_owned(), label.to_owned(), says]
        };
        let rows: Vec<_> = checkpoint
            .running
            .iter()
            .map(|item| {
                let resumed =
                    checkpoint.resumes.iter().find(|it| (&it.kind, &it.id) == (&item.kind, &item.id));
                let says = match resumed.map(|resume| resume.resumed_at) {
                    Some(Some(at)) => format!("{}; goes on since {}", item.state, time(at)),
                    Some(None) => format!("{}; has not gone on yet", item.state),
                    None => item.state.clone(),
                };
                row(&item.kind, &item.id, &item.label, says)
            })
            .collect();
        text.push_str("\n\n");
        text.push_str(&table(&["RUNNING", "ID", "NAME", "STATE"], &rows));
    }
    if !checkpoint.cursors.is_empty() {
        let rows: Vec<_> =
            checkpoint.cursors.iter().map(|(name, at)| vec![name.clone(), at.to_string()]).collect();
        text.push_str("\n\n");
        text.push_str(&table(&["CONSUMER", "EVENT"], &rows));
    }
    text
}
