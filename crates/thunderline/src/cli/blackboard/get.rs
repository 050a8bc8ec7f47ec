//! `thunderline blackboard get`

use clap::Args;
use thunderline_web::dto::blackboard::Entry;

use super::In;
use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Print one value
#[derive(Args, Debug)]
pub struct Get {
    /// The key
    key: String,
    #[command(flatten)]
    at: In,
}

impl Get {
    /// Prints it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/blackboard/{key}", &[&self.key])?;
        let entry: Entry = client.get(&path, &[("scope", &self.at.scope)])?;
        print(format, &entry, |it| it.value.to_string());
        Ok(())
    }
}
