//! `thunderline federations pause`

use clap::Args;
use thunderline_web::dto::federation::Federation;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Let a federation wait after its running round
#[derive(Args, Debug)]
pub struct Pause {
    /// The federation's id
    id: String,
}

impl Pause {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/federations/{id}/pause", &[&self.id])?;
        let federation: Federation = client.post(&path, &())?;
        print(format, &federation, |it| format!("{} is {}", it.name, it.state));
        Ok(())
    }
}
