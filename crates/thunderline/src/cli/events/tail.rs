//! `thunderline events tail`

use std::{thread, time::Duration};

use clap::Args;
use serde_json::Value;
use thunderline_web::dto::{event::Event, page::Page};

use crate::{
    client::Client,
    failure::{Exit, Result},
    output::{Format, numbers::time, say},
};

/// Between two attempts to reach a server that went away.
const AGAIN: Duration = Duration::from_secs(1);

/// Print the latest events
#[derive(Args, Debug)]
pub struct Tail {
    /// Go on as events happen, also after the server was away
    #[arg(short, long)]
    follow: bool,
    /// Only these kinds, separated by commas: names, or the beginnings of some as fl.round.*
    #[arg(long, value_name = "NAME,…")]
    name: Option<String>,
    /// Only events about this thing, as kind:id
    #[arg(long, value_name = "KIND:ID")]
    subject: Option<String>,
    /// How many of the latest events to begin with
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1000))]
    limit: u32,
}

impl Tail {
    /// Prints them, one per line.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let mut filter: Vec<(&str, &str)> = Vec::new();
        filter.extend(self.name.as_deref().map(|name| ("name", name)));
        filter.extend(self.subject.as_deref().map(|subject| ("subject", subject)));
        let mut last = self.latest(client, &filter, format)?;
        if !self.follow {
            return Ok(());
        }
        loop {
            let outcome = client.follow(last, &filter, &mut |event| {
                last = Some(event.sequence);
                tell(&event, format);
                true
            });
            match outcome {
                Err(refused) if refused.exit != Exit::Unreachable => return Err(refused),
                _ => thread::sleep(AGAIN),
            }
        }
    }

    fn latest(&self, client: &Client, filter: &[(&str, &str)], format: Format) -> Result<Option<i64>> {
        let limit = self.limit.max(1).to_string();
        let query: Vec<_> = filter.iter().copied().chain([("limit", limit.as_str())]).collect();
        let page: Page<Event> = client.get("/api/v1/events", &query)?;
        page.items.iter().take(self.limit as usize).for_each(|event| tell(event, format));
        Ok(page.items.last().map(|event| event.sequence))
    }
}

fn tell(event: &Event, format: Format) {
    say(&match format {
        Format::Json => serde_json::to_string(event).expect("an event is plain data"),
        Format::Human => format!("{}  {:<28} {}", time(event.time), event.name, about(event)),
    });
}

/// The payload in one line: scalars only, the subject's id once.
fn about(event: &Event) -> String {
    let mut words = vec![format!("{} {}", event.subject_kind, event.subject_id)];
    let fields = event.payload.as_object().into_iter().flatten();
    for (name, value) in fields.filter(|(name, _)| **name != event.subject_kind) {
        match value {
            Value::String(text) => words.push(format!("{name}={text}")),
            Value::Number(number) => words.push(format!("{name}={number}")),
            Value::Bool(flag) => words.push(format!("{name}={flag}")),
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
    }
    words.join("  ")
}
