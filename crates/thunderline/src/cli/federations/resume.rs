//! `thunderline federations resume`

use clap::Args;
use thunderline_web::dto::federation::Federation;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Let a paused federation go on
#[derive(Args, Debug)]
pub struct Resume {
    /// The federation's id
    id: String,
}

impl Resume {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/federations/{id}/resume", &[&self.id])?;
        let federation: Federation = client.post(&path, &())?;
        print(format, &federation, |it| format!("{} is {}", it.name, it.state));
        Ok(())
    }
}
