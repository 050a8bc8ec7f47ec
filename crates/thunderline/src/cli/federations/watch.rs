//! `thunderline federations watch`

use clap::Args;

use crate::{
    client::{Client, watch},
    failure::Result,
    output::Format,
};

/// Follow a federation until it is over
///
/// On a terminal the progress is drawn in place; elsewhere each completed round is one line (with --json: its metrics).
#[derive(Args, Debug)]
pub struct Watch {
    /// The federation's id
    id: String,
}

impl Watch {
    /// Watches. Ends with 1 where the federation fails or is cancelled.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        watch::watch(client, &self.id, format.into(), &|| true)?.outcome()
    }
}
