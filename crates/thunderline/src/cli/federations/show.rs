//! `thunderline federations show`

use clap::Args;
use serde::Serialize;
use thunderline_core::brief;
use thunderline_web::dto::{
    event::Event, federation::FederationDetails, page::Page, privacy::PrivacySpent, rollup::Rollup,
};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{
        Format, LONGEST_REASON,
        numbers::{bytes, metric, time},
        print, progress, say,
        table::{pairs, table},
    },
};

/// Events that tell why a client's work did not count.
const LOSSES: &str = "fl.client.dropped,fl.client.update_refused";

/// Show one federation
#[derive(Args, Debug)]
pub struct Show {
    /// The federation's id
    id: String,
    /// Show its spec, every default spelled out
    #[arg(long)]
    spec: bool,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/federations/{id}", &[&self.id])?;
        let details: FederationDetails = client.get(&path, &[])?;
        if self.spec {
            say(&serde_json::to_string_pretty(&details.spec).expect("a spec is plain data"));
            return Ok(());
        }
        let rollups = client.get::<Page<Rollup>>(&format!("{path}/rollups"), &[])?.items;
        let subject = format!("federation:{}", self.id);
        let query = [("subject", subject.as_str()), ("name", LOSSES), ("limit", "10")];
        let losses = client.get::<Page<Event>>("/api/v1/events", &query)?.items;
        print(format, &Shown { details, rollups, losses }, human);
        Ok(())
    }
}

/// All that is shown.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    details: FederationDetails,
    /// The metrics of every completed round.
    rollups: Vec<Rollup>,
    /// The last events that tell why a client's work did not count.
    losses: Vec<Event>,
}

fn human(Shown { details, rollups, losses }: &Shown) -> String {
    let it = &details.federation;
    let over = it.completed_at.is_some();
    let mut text = pairs(&[
        ("id", it.id.clone()),
        ("name", it.name.clone()),
        ("state", it.state.clone()),
        ("reason", it.reason.as_deref().map_or_else(String::new, |reason| brief(reason, LONGEST_REASON))),
        ("rounds", format!("{} of {}", it.completed_rounds, it.rounds_total)),
        ("now", if over { String::new() } else { progress::present(details) }),
        ("waiting", it.waiting.clone().unwrap_or_default()),
        ("strategy", it.strategy.clone()),
        ("app", it.app.clone()),
        ("model", it.model.as_ref().map_or_else(String::new, |digest| format!("sha256:{digest}"))),
        ("privacy", details.privacy.as_ref().map_or_else(String::new, privacy)),
        ("flower run", it.run_id.clone()),
        ("created", format!("{} by {}", time(it.created_at), it.created_by)),
        ("started", it.started_at.map_or_else(String::new, time)),
        ("completed", it.completed_at.map_or_else(String::new, time)),
    ]);
    if !rollups.is_empty() {
        text.push_str("\n\n");
        text.push_str(&rounds(rollups));
        text.push_str(&measured(rollups));
    }
    if !losses.is_empty() {
        text.push_str("\n\nwhat was lost last:\n");
        text.push_str(&losses.iter().map(loss).collect::<Vec<_>>().join("\n"));
    }
    text
}

/// What was spent, and what may be.
fn privacy(spent: &PrivacySpent) -> String {
    let PrivacySpent { epsilon, epsilon_goal, delta, rounds, noise_multiplier, .. } = spent;
    let rounds = if *rounds == 1 { "1 round".to_owned() } else { format!("{rounds} rounds") };
    format!(
        "ε {epsilon:.4} of {epsilon_goal} at δ {delta:e}, in {rounds} with noise multiplier {noise_multiplier:.4}"
    )
}

/// A client's work that did not count, and why.
fn loss(event: &Event) -> String {
    let field = |name: &str| {
        event.payload.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let round = field("round").map_or_else(String::new, |round| format!("round {round}  "));
    let [client, reason] = ["client", "reason"].map(|name| field(name).unwrap_or_default());
    format!("  {}  {round}node {client}  {}", time(event.time), brief(&reason, LONGEST_REASON))
}

/// How much of the plain arrays was sent.
fn share(sent: u64, plain: u64) -> String {
    if plain == 0 { String::new() } else { format!("{:.1}%", 100.0 * sent as f64 / plain as f64) }
}

/// What an external strategy measured in the newest round.
fn measured(rollups: &[Rollup]) -> String {
    let Some(last) = rollups.last().filter(|last| !last.aggregate_metrics.is_empty()) else {
        return String::new();
    };
    let named = last.aggregate_metrics.iter().map(|(name, value)| format!("{name} {value}"));
    format!("\nthe strategy measured in round {}: {}", last.round, named.collect::<Vec<_>>().join(", "))
}

/// The metrics of each round.
fn rounds(rollups: &[Rollup]) -> String {
    let stale = rollups.iter().any(|rollup| rollup.train.staleness.is_some());
    let row = |rollup: &Rollup| {
        let mut row = vec![
            rollup.round.to_string(),
            metric(rollup.metric("accuracy")),
            metric(rollup.metric("loss")),
            rollup.train.clients.to_string(),
            rollup.train.dropped.to_string(),
            format!("{:.0}", rollup.train.num_examples),
            format!("{:.2}", rollup.train.seconds),
            format!("{:.3}", rollup.aggregate_seconds),
            bytes(rollup.train.wire_bytes),
            share(rollup.train.bytes, rollup.train.plain_bytes),
        ];
        if stale {
            let staleness = rollup.train.staleness.unwrap_or_default();
            row.extend([format!("{:.2}", staleness.mean), staleness.most.to_string()]);
        }
        row
    };
    let mut headings = vec![
        "ROUND",
        "ACCURACY",
        "LOSS",
        "CLIENTS",
        "DROPPED",
        "EXAMPLES",
        "TRAIN S",
        "AGGREGATE S",
        "SENT",
        "OF PLAIN",
    ];
    if stale {
        headings.extend(["STALENESS", "MOST"]);
    }
    table(&headings, &rollups.iter().map(row).collect::<Vec<_>>())
}
