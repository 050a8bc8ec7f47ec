//! `thunderline federations cancel`

use clap::Args;
use thunderline_web::dto::federation::{CancelRequest, Federation};

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// End a federation for good; models made so far are kept
#[derive(Args, Debug)]
pub struct Cancel {
    /// The federation's id
    id: String,
    /// Why; shown to whoever looks at it later
    #[arg(long, default_value = "")]
    reason: String,
}

impl Cancel {
    /// Ends it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/federations/{id}/cancel", &[&self.id])?;
        let federation: Federation = client.post(&path, &CancelRequest { reason: self.reason.clone() })?;
        print(format, &federation, |it| format!("{} is {}", it.name, it.state));
        Ok(())
    }
}
