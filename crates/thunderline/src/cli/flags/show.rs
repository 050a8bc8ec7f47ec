//! `thunderline flags show`

use clap::Args;
use thunderline_web::dto::flag::Flag;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, numbers::time, print, table::pairs},
};

/// Show one flag
#[derive(Args, Debug)]
pub struct Show {
    /// The flag's name
    name: String,
}

impl Show {
    /// Shows it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let flag: Flag = client.get(&path("/api/v1/flags/{name}", &[&self.name])?, &[])?;
        print(format, &flag, human);
        Ok(())
    }
}

/// A flag for people.
pub(super) fn human(it: &Flag) -> String {
    let word = |on: bool| if on { "on" } else { "off" };
    let tenants = it.rules.tenants.iter().map(|(tenant, on)| format!("{tenant} {}", word(*on)));
    pairs(&[
        ("flag", it.name.clone()),
        ("is", word(it.rules.enabled).into()),
        ("of", it.rules.percentage.map(|it| format!("{it}% of units")).unwrap_or_default()),
        ("tenants", tenants.collect::<Vec<_>>().join(", ")),
        ("note", it.rules.note.clone()),
        ("set", format!("{} by {}", time(it.changed_at), it.changed_by)),
    ])
}
