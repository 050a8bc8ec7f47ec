//! `thunderline webhooks show`

use clap::Args;
use serde_json::json;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::{
    page::Page,
    webhook::{Delivery, Webhook},
};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{
        Format,
        numbers::{ago, time},
        print,
        table::{pairs, table},
    },
};

/// Show one webhook and what was last sent
#[derive(Args, Debug)]
pub struct Show {
    /// The webhook's name
    name: String,
    /// Only deliveries in this state
    #[arg(long, value_parser = ["waiting", "delivered", "failed"])]
    state: Option<String>,
    /// How many deliveries at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/webhooks/{name}", &[&self.name])?;
        let webhook: Webhook = client.get(&path, &[])?;
        let limit = self.limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(self.state.as_deref().map(|state| ("state", state)));
        let sent: Page<Delivery> = client.get(&format!("{path}/deliveries"), &query)?;
        let both = json!({ "webhook": webhook, "deliveries": sent.items });
        print(format, &both, |_| human(&webhook, &sent.items));
        Ok(())
    }
}

fn human(it: &Webhook, sent: &[Delivery]) -> String {
    let head = pairs(&[
        ("webhook", it.name.clone()),
        ("id", it.id.clone()),
        ("url", it.url.clone()),
        ("events", it.events.join(" ")),
        ("state", it.state.clone()),
        ("why", it.reason.clone()),
        ("failing since", it.failing_since.map(time).unwrap_or_default()),
        ("made", time(it.created_at)),
    ]);
    if sent.is_empty() {
        return format!("{head}\n\nnothing was sent");
    }
    let now = SystemClock.now();
    let row = |it: &Delivery| {
        let finished = it.finished_at.map(|at| ago(at, now)).unwrap_or_default();
        vec![
            it.sequence.to_string(),
            it.event_name.clone(),
            it.state.clone(),
            it.attempts.to_string(),
            it.status.map_or_else(|| "–".into(), |status| status.to_string()),
            it.millis.map_or_else(|| "–".into(), |millis| millis.to_string()),
            finished,
            it.error.clone(),
        ]
    };
    let rows: Vec<_> = sent.iter().map(row).collect();
    let drawn = table(&["SEQ", "EVENT", "STATE", "TRIES", "STATUS", "MS", "FINISHED", "ERROR"], &rows);
    format!("{head}\n\n{drawn}")
}
