//! `thunderline strategies list`

use clap::Args;
use thunderline_web::dto::{
    page::Page,
    strategy::{Strategy, StrategyParam},
};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, print, table::table},
};

/// List the strategies that specs may name: built-in ones with their parameters, and the operator's programs
#[derive(Args, Debug)]
pub struct List {}

impl List {
    /// Lists.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let page: Page<Strategy> = client.get("/api/v1/strategies", &[])?;
        print(format, &page, human);
        Ok(())
    }
}

fn human(page: &Page<Strategy>) -> String {
    let row = |it: &Strategy| {
        let params: Vec<_> = it.params.iter().map(param).collect();
        vec![
            if it.external { format!("external: {}", it.name) } else { it.name.clone() },
            it.weighting.clone().unwrap_or_else(|| "–".into()),
            if it.external { "any".into() } else { params.join(", ") },
        ]
    };
    let rows: Vec<_> = page.items.iter().map(row).collect();
    let mut text = table(&["STRATEGY", "WEIGHTING", "PARAMS"], &rows);
    if !page.items.iter().any(|it| it.external) {
        text.push_str(
            "\nno program is named on this server: 'thunderline serve --strategy NAME=PROGRAM' names one",
        );
    }
    text
}

/// A parameter as a spec would write its default.
fn param(it: &StrategyParam) -> String {
    match &it.default {
        Some(default) => format!("{}: {default}", it.name),
        None => format!("{}: {}", it.name, it.allowed),
    }
}

#[cfg(test)]
mod tests {
    use thunderline_numerics::strategy::KINDS;

    use super::*;

    #[test]
    fn a_strategy_is_listed_as_specs_name_it() {
        let mut items: Vec<_> = KINDS.iter().map(|kind| Strategy::from(*kind)).collect();
        let says = human(&Page { items: items.clone(), next: None });
        assert!(says.contains("beta") && says.contains("--strategy NAME=PROGRAM"), "{says}");
        items.push(Strategy::external("median".into()));
        let says = human(&Page { items, next: None });
        assert!(says.contains("external: median") && !says.contains("no program"), "{says}");
    }
}
