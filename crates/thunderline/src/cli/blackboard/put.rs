//! `thunderline blackboard put`

use clap::Args;
use serde_json::Value;
use thunderline_web::dto::blackboard::{Entry, NewEntry};

use super::In;
use crate::{
    cli::events::json,
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Put a value
#[derive(Args, Debug)]
pub struct Put {
    /// The key
    key: String,
    /// The value, as JSON: true, 7, '"word"', '{"a": 1}'
    #[arg(value_parser = json)]
    value: Value,
    /// Seconds until it is forgotten; without it, it stays
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<i64>,
    #[command(flatten)]
    at: In,
}

impl Put {
    /// Puts it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/blackboard/{key}", &[&self.key])?;
        let new = NewEntry { value: self.value.clone(), ttl_seconds: self.ttl };
        let entry: Entry = client.put(&path, &[("scope", &self.at.scope)], &new)?;
        print(format, &entry, |it| format!("{} is {} ({}, {})", it.key, it.value, it.kind, it.scope));
        Ok(())
    }
}
