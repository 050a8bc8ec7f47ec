//! `thunderline retention unset`

use clap::Args;
use thunderline_web::dto::retention::RetentionScope;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Take a rule back: the default counts again
#[derive(Args, Debug)]
pub struct Unset {
    /// Of what: see 'thunderline retention list'
    resource: String,
    /// For whom: global, or a tenant's id
    #[arg(long, default_value = "global")]
    scope: String,
}

impl Unset {
    /// Takes it back.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let request = RetentionScope { scope: Some(self.scope.clone()) };
        let path = path("/api/v1/retention/{resource}/unset", &[&self.resource])?;
        let gone: RetentionScope = client.post(&path, &request)?;
        print(format, &gone, |_| format!("{} ({}) is kept as by default", self.resource, self.scope));
        Ok(())
    }
}
