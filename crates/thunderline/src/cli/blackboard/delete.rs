//! `thunderline blackboard delete`

use clap::Args;
use serde_json::json;

use super::In;
use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Delete a value
#[derive(Args, Debug)]
pub struct Delete {
    /// The key
    key: String,
    #[command(flatten)]
    at: In,
}

impl Delete {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        client.remove(&path("/api/v1/blackboard/{key}", &[&self.key])?, &[("scope", &self.at.scope)])?;
        print(format, &json!({ "deleted": self.key }), |_| format!("{} is deleted", self.key));
        Ok(())
    }
}
