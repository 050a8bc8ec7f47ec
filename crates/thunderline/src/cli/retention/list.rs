//! `thunderline retention list`

use clap::Args;
use thunderline_web::dto::{page::Page, retention::Retained};

use super::span::span;
use crate::{
    client::Client,
    failure::Result,
    output::{Format, print, table::table},
};

/// List what is kept, and for how long
#[derive(Args, Debug)]
pub struct List {}

impl List {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let page: Page<Retained> = client.get("/api/v1/retention", &[])?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Retained>) -> String {
    let mut rows = Vec::new();
    for resource in &page.items {
        let default = keeps(resource.default_keep_seconds, resource.default_keep_newest);
        let global = resource.rules.iter().any(|rule| rule.scope == "global");
        if !global {
            let default = format!("{default} (default)");
            rows.push(vec![
                resource.resource.clone(),
                "global".into(),
                default,
                "delete".into(),
                resource.what.clone(),
            ]);
        }
        rows.extend(resource.rules.iter().map(|rule| {
            let grace = match rule.grace_seconds {
                0 => String::new(),
                grace => format!(" + {}", span(grace)),
            };
            let keeps = keeps(rule.keep_seconds, rule.keep_newest) + &grace;
            vec![
                resource.resource.clone(),
                rule.scope.clone(),
                keeps,
                rule.action.clone(),
                resource.what.clone(),
            ]
        }));
    }
    table(&["RESOURCE", "SCOPE", "KEPT", "THEN", "WHAT"], &rows)
}

/// What is kept, in a few words.
pub fn keeps(seconds: Option<i64>, newest: Option<u32>) -> String {
    match (seconds, newest) {
        (None, None) => "for ever".into(),
        (Some(seconds), None) => span(seconds),
        (None, Some(newest)) => format!("the newest {newest}"),
        (Some(seconds), Some(newest)) => format!("{}, and the newest {newest}", span(seconds)),
    }
}
