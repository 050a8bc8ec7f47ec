//! `thunderline federations list`

use clap::Args;
use thunderline_core::{Clock, SystemClock, Timestamp, brief};
use thunderline_web::dto::{federation::Federation, page::Page};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::ago, print, table::table},
};

/// Characters of a reason: with what stands before it a line has 80.
const LONGEST_WHY: usize = 73;

/// List federations, the newest first, and why those that failed or wait do so
#[derive(Args, Debug)]
pub struct List {
    /// Only those in this state
    #[arg(long, value_parser = ["created", "running", "paused", "completed", "failed", "cancelled"])]
    state: Option<String>,
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
        query.extend(self.before.as_deref().map(|before| ("before", before)));
        let page: Page<Federation> = client.get("/api/v1/federations", &query)?;
        print(format, &page, |page| human(page, SystemClock.now()));
        Ok(())
    }
}

fn human(page: &Page<Federation>, now: Timestamp) -> String {
    if page.items.is_empty() {
        return "no federation yet: submit one with 'thunderline federations submit -f FILE', or see 'thunderline demo'".into();
    }
    let row = |federation: &Federation| {
        vec![
            federation.id.clone(),
            federation.name.clone(),
            federation.state.clone(),
            format!("{}/{}", federation.completed_rounds, federation.rounds_total),
            federation.strategy.clone(),
            ago(federation.created_at, now),
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let drawn = table(&["ID", "NAME", "STATE", "ROUNDS", "STRATEGY", "CREATED"], &rows);
    // A column would be cut off at the end of lines that are full already.
    let whys = std::iter::once(None).chain(page.items.iter().map(why));
    let lines = drawn.lines().zip(whys).map(|(line, why)| match why {
        Some(why) => format!("{line}\n  why: {}", brief(why, LONGEST_WHY)),
        None => line.to_owned(),
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --before {next}"));
    }
    text
}

/// What keeps it from going on now, or else why it ended or its last round failed.
fn why(federation: &Federation) -> Option<&str> {
    federation.waiting.as_deref().or(federation.reason.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn federation(state: &str, reason: Option<&str>, waiting: Option<&str>) -> Federation {
        Federation {
            id: "0197a000-0000-7000-8000-000000000000".into(),
            name: "digits".into(),
            state: state.into(),
            reason: reason.map(Into::into),
            waiting: waiting.map(Into::into),
            run_id: "7".into(),
            strategy: "fedavg".into(),
            app: "builtin".into(),
            rounds_total: 5,
            completed_rounds: 2,
            failures: 0,
            model: None,
            created_by: "user:x".into(),
            created_at: Timestamp::UNIX_EPOCH,
            started_at: None,
            completed_at: None,
        }
    }

    #[test]
    fn why_a_federation_failed_or_waits_stands_below_it_in_eighty_columns() {
        let long = format!("round 3 failed 3 times: {}: no node was left", "it was tried again ".repeat(9));
        let items = vec![
            federation("failed", Some(&long), None),
            federation(
                "running",
                Some("the last try failed"),
                Some("waits for clients: 0 of 2 are eligible"),
            ),
            federation("completed", None, None),
        ];
        let text = human(&Page { items, next: Some("n".into()) }, Timestamp::UNIX_EPOCH);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 7, "{text}");
        assert!(
            lines[2].starts_with("  why: round 3 failed 3 times: ") && lines[2].ends_with("no node was left")
        );
        assert_eq!(lines[2].chars().count(), 80, "{}", lines[2]);
        assert_eq!(lines[4], "  why: waits for clients: 0 of 2 are eligible");
        assert!(lines[5].contains("completed") && lines[6].starts_with("more: "), "{text}");
    }
}
