//! `thunderline artifacts verify`

use clap::Args;
use thunderline_web::dto::artifact::Verification;

use crate::{
    client::{Client, path},
    failure::{Failure, Result},
    output::{Format, print},
};

/// Let the server read an artifact's bytes again and compare their digest
#[derive(Args, Debug)]
pub struct Verify {
    /// The artifact's id
    id: String,
}

impl Verify {
    /// Ends with 1 where the bytes are not what was stored.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/artifacts/{id}/verify", &[&self.id])?;
        let verification: Verification = client.post(&path, &())?;
        print(format, &verification, |it| format!("{}  sha256:{}", it.result, it.sha256));
        match verification.result.as_str() {
            "intact" => Ok(()),
            other => Err(Failure::failed(format!("artifact {} is {other}", self.id))),
        }
    }
}
