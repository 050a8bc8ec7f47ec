//! `thunderline events show`

use clap::Args;
use thunderline_web::dto::event::Event;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, numbers::time, print, table::pairs},
};

/// Show one event with its payload
#[derive(Args, Debug)]
pub struct Show {
    /// The event's id
    id: String,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let event: Event = client.get(&path("/api/v1/events/{id}", &[&self.id])?, &[])?;
        print(format, &event, human);
        Ok(())
    }
}

/// An event for people.
pub fn human(event: &Event) -> String {
    let head = pairs(&[
        ("id", event.id.clone()),
        ("sequence", event.sequence.to_string()),
        ("name", format!("{} v{}", event.name, event.version)),
        ("about", format!("{} {}", event.subject_kind, event.subject_id)),
        ("by", event.actor.clone()),
        ("time", time(event.time)),
        ("correlation", event.correlation.clone()),
    ]);
    let payload = serde_json::to_string_pretty(&event.payload).expect("a payload is plain data");
    format!("{head}\n\n{payload}")
}
