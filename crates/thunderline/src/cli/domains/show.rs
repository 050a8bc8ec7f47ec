//! `thunderline domains show`

use clap::Args;
use thunderline_web::dto::domain::{DomainDetails, DomainTransition};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{
        Format,
        numbers::time,
        print,
        table::{pairs, table},
    },
};

/// Show one domain: its border and its past
#[derive(Args, Debug)]
pub struct Show {
    /// The domain's name
    name: String,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let details: DomainDetails = client.get(&path("/api/v1/domains/{name}", &[&self.name])?, &[])?;
        print(format, &details, human);
        Ok(())
    }
}

fn human(details: &DomainDetails) -> String {
    let domain = &details.domain;
    let number = |tick: Option<u64>| tick.map(|tick| tick.to_string()).unwrap_or_default();
    let head = pairs(&[
        ("domain", domain.name.clone()),
        ("for", domain.charter.clone()),
        ("state", format!("{} since {}", domain.state, time(domain.since))),
        ("why", domain.reason.clone()),
        ("after", domain.depends_on.join(", ")),
        ("required", if domain.required { "yes".into() } else { String::new() }),
        ("active since tick", number(domain.activated_at_tick)),
        ("acknowledged tick", number(domain.acknowledged_tick)),
        ("failures", domain.failures.to_string()),
        ("restart at", domain.restart_at.map(time).unwrap_or_default()),
        ("emits", details.emits.join(", ")),
        ("listens to", details.consumes.join(", ")),
        ("jobs", details.jobs.join(", ")),
        ("actions", details.actions.join(", ")),
    ]);
    let row = |it: &DomainTransition| {
        vec![
            time(it.at),
            it.node.clone(),
            it.tick.to_string(),
            it.from.clone(),
            it.to.clone(),
            it.reason.clone(),
        ]
    };
    let rows: Vec<_> = details.transitions.iter().map(row).collect();
    format!("{head}\n\n{}", table(&["AT", "PROCESS", "TICK", "FROM", "TO", "WHY"], &rows))
}
