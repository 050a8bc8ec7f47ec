//! `thunderline webhooks delete`

use clap::Args;
use serde_json::json;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Delete a webhook with its deliveries
#[derive(Args, Debug)]
pub struct Delete {
    /// The webhook's name
    name: String,
}

impl Delete {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        client.remove(&path("/api/v1/webhooks/{name}", &[&self.name])?, &[])?;
        print(format, &json!({ "deleted": self.name }), |_| format!("{} is deleted", self.name));
        Ok(())
    }
}
