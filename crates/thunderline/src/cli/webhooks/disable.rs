//! `thunderline webhooks disable`

use clap::Args;
use thunderline_web::dto::webhook::Webhook;

use crate::{
    client::{Client, path},
    failure::Result,
    output::{Format, print},
};

/// Send nothing more until it is enabled again
#[derive(Args, Debug)]
pub struct Disable {
    /// The webhook's name
    name: String,
}

impl Disable {
    /// Does it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let webhook: Webhook = client.post(&path("/api/v1/webhooks/{name}/disable", &[&self.name])?, &())?;
        print(format, &webhook, |it| format!("{} is {}", it.name, it.state));
        Ok(())
    }
}
