//! `thunderline flags unset`

use clap::Args;
use serde_json::json;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Remove a flag: it is off
#[derive(Args, Debug)]
pub struct Unset {
    /// The flag's name
    name: String,
}

impl Unset {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        client.remove(&path("/api/v1/flags/{name}", &[&self.name])?, &[])?;
        print(format, &json!({ "unset": self.name }), |_| format!("{} is off", self.name));
        Ok(())
    }
}
