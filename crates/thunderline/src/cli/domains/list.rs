//! `thunderline domains list`

use clap::Args;
use thunderline_core::{Clock, SystemClock};
use thunderline_web::dto::domain::{Domain, Mesh};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, numbers::ago, print, table::table},
};

/// List the domains, dependencies first
#[derive(Args, Debug)]
pub struct List {}

impl List {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let mesh: Mesh = client.get("/api/v1/domains", &[])?;
        print(format, &mesh, human);
        Ok(())
    }
}

/// The mesh for people.
pub(super) fn human(mesh: &Mesh) -> String {
    let now = SystemClock.now();
    let number = |tick: Option<u64>| tick.map_or_else(|| "–".to_owned(), |tick| tick.to_string());
    let row = |domain: &Domain| {
        let needed = if domain.required { "required" } else { "" };
        vec![
            domain.name.clone(),
            domain.state.clone(),
            needed.into(),
            number(domain.activated_at_tick),
            number(domain.acknowledged_tick),
            domain.failures.to_string(),
            ago(domain.since, now),
            domain.reason.clone(),
        ]
    };
    let rows: Vec<_> = mesh.domains.iter().map(row).collect();
    let ready = if mesh.ready { "ready" } else { "not ready" };
    let mut text =
        format!("{} is {ready}; tick {}, {} active\n\n", mesh.node, number(mesh.tick), mesh.active);
    text.push_str(&table(
        &["DOMAIN", "STATE", "NEEDED", "SINCE TICK", "ACKNOWLEDGED", "FAILURES", "SINCE", "WHY"],
        &rows,
    ));
    if !mesh.elsewhere.is_empty() {
        let rows: Vec<_> = mesh
            .elsewhere
            .iter()
            .map(|it| {
                vec![
                    it.node.clone(),
                    it.name.clone(),
                    it.state.clone(),
                    ago(it.since, now),
                    it.reason.clone(),
                ]
            })
            .collect();
        text.push_str("\n\n");
        text.push_str(&table(&["PROCESS", "DOMAIN", "STATE", "SINCE", "WHY"], &rows));
    }
    text
}
