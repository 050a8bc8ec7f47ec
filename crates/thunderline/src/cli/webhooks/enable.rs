//! `thunderline webhooks enable`

use clap::Args;
use thunderline_web::dto::webhook::Webhook;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Send events again, those first that wait or were given up
#[derive(Args, Debug)]
pub struct Enable {
    /// The webhook's name
    name: String,
}

impl Enable {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let webhook: Webhook = client.post(&path("/api/v1/webhooks/{name}/enable", &[&self.name])?, &())?;
        print(format, &webhook, |it| format!("{} is {}", it.name, it.state));
        Ok(())
    }
}
