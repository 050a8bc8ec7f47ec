//! `thunderline decisions show`

use clap::Args;
use thunderline_web::dto::decision::{DecisionDetails, RelatedDecision};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, numbers::time, print, table::pairs},
};

/// Show one decision, what led to it and what followed
#[derive(Args, Debug)]
pub struct Show {
    /// The decision's id
    id: String,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let details: DecisionDetails = client.get(&path("/api/v1/decisions/{id}", &[&self.id])?, &[])?;
        print(format, &details, human);
        Ok(())
    }
}

fn human(details: &DecisionDetails) -> String {
    let it = &details.decision;
    let mut text = format!("{}\n\n", it.summary);
    text.push_str(&pairs(&[
        ("id", it.id.clone()),
        ("kind", it.kind.clone()),
        ("at", time(it.at)),
        ("by", it.actor.clone()),
        ("federation", it.federation.clone().unwrap_or_default()),
        ("round", it.round.map_or_else(String::new, |round| round.to_string())),
        ("trail", it.trail.clone()),
    ]));
    related(&mut text, "because", &details.because);
    related(&mut text, "then", &details.then);
    text
}

fn related(text: &mut String, heading: &str, decisions: &[RelatedDecision]) {
    if decisions.is_empty() {
        return;
    }
    text.push_str(&format!("\n\n{heading}:"));
    for it in decisions {
        text.push_str(&format!("\n  {}  ({}) {}", it.id, it.relation, it.summary));
    }
}
