//! `thunderline flags set`

use std::collections::BTreeMap;

use clap::Args;
use thunderline_web::dto::flag::{Flag, FlagRules};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Set a flag
///
/// What is left out is not kept from before.
#[derive(Args, Debug)]
pub struct Set {
    /// The flag's name
    name: String,
    /// On or off, for whom nothing else is said
    #[arg(value_parser = ["on", "off"])]
    is: String,
    /// On for so many per cent only: of federations, nodes or whatever the feature divides by
    #[arg(long, value_name = "0-100", value_parser = clap::value_parser!(u8).range(0..=100))]
    percentage: Option<u8>,
    /// On or off for this tenant, whatever the rest says; may be given several times
    #[arg(long = "tenant", value_name = "ID=on|off", value_parser = tenant)]
    tenants: Vec<(String, bool)>,
    /// What it is for
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

impl Set {
    /// Sets it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let rules = FlagRules {
            enabled: self.is == "on",
            percentage: self.percentage,
            tenants: self.tenants.iter().cloned().collect::<BTreeMap<_, _>>(),
            note: self.note.clone(),
        };
        let flag: Flag = client.put(&path("/api/v1/flags/{name}", &[&self.name])?, &[], &rules)?;
        print(format, &flag, super::show::human);
        Ok(())
    }
}

fn tenant(text: &str) -> Result<(String, bool), String> {
    match text.split_once('=') {
        Some((tenant, "on")) => Ok((tenant.to_owned(), true)),
        Some((tenant, "off")) => Ok((tenant.to_owned(), false)),
        _ => Err("a tenant's id, '=', and on or off".into()),
    }
}
