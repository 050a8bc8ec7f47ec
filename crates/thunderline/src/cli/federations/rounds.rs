//! `thunderline federations rounds`

use clap::Args;
use thunderline_core::brief;
use thunderline_web::dto::{page::Page, round::Round};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, LONGEST_REASON, numbers::time, print, table::table},
};

/// List a federation's rounds with every try: what came of each, and why it failed
#[derive(Args, Debug)]
pub struct Rounds {
    /// The federation's id
    id: String,
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Only rounds with a number above this: the 'next' of the piece before
    #[arg(long, value_name = "NEXT")]
    after: Option<u32>,
}

impl Rounds {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let (limit, after) = (self.limit.to_string(), self.after.map(|after| after.to_string()));
        let mut query = vec![("limit", limit.as_str())];
        query.extend(after.as_deref().map(|after| ("after", after)));
        let page: Page<Round> = client.get(&path("/api/v1/federations/{id}/rounds", &[&self.id])?, &query)?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Round>) -> String {
    if page.items.is_empty() {
        return "no round yet".into();
    }
    let row = |round: &Round| {
        vec![
            round.number.to_string(),
            round.attempt.to_string(),
            round.state.clone(),
            if round.wanted == 0 { String::new() } else { round.wanted.to_string() },
            round.started_at.map_or_else(String::new, time),
            round.completed_at.map_or_else(String::new, time),
            round.reason.as_deref().map_or_else(String::new, |reason| brief(reason, LONGEST_REASON)),
        ]
    };
    let headings = ["ROUND", "TRY", "STATE", "WANTED", "STARTED", "ENDED", "REASON"];
    let mut text = table(&headings, &page.items.iter().map(row).collect::<Vec<_>>());
    if let Some(next) = &page.next {
        text.push_str(&format!("\nmore: --after {next}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use thunderline_core::Timestamp;

    use super::*;

    #[test]
    fn a_failed_try_says_why_in_one_line() {
        let round = Round {
            id: "r".into(),
            federation: "f".into(),
            number: 2,
            attempt: 3,
            state: "failed".into(),
            reason: Some("it said: Traceback (most recent call last):\n  File\nValueError: boom".into()),
            deadline: None,
            wanted: 4,
            quorum: 3,
            model_in: None,
            model_out: None,
            created_at: Timestamp::UNIX_EPOCH,
            started_at: None,
            closed_at: None,
            completed_at: None,
        };
        let text = human(&Page { items: vec![round], next: None });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("it said: ValueError: boom"), "{text}");
    }
}
