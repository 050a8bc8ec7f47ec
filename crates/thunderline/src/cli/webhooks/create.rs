//! `thunderline webhooks create`

use clap::Args;
use thunderline_web::dto::webhook::{NewWebhook, Webhook};

use crate::{
    client::Client,
    failure::Result,
    output::{Format, print, table::pairs},
};

/// Have events sent to an address; prints the secret, once
#[derive(Args, Debug)]
pub struct Create {
    /// Its name: lower-case letters, digits and hyphens
    name: String,
    /// Where to
    #[arg(long, value_name = "URL")]
    url: String,
    /// Which events: fl.round.completed, 'fl.*', '*'; may be given several times
    #[arg(long = "event", value_name = "PATTERN", required = true)]
    events: Vec<String>,
}

impl Create {
    /// Makes it.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let new = NewWebhook { name: self.name.clone(), url: self.url.clone(), events: self.events.clone() };
        let made: Webhook = client.post("/api/v1/webhooks", &new)?;
        print(format, &made, |it| {
            let head = pairs(&[
                ("webhook", it.name.clone()),
                ("url", it.url.clone()),
                ("events", it.events.join(" ")),
                ("secret", it.secret.clone().unwrap_or_default()),
            ]);
            format!(
                "{head}\n\nThe secret is not shown again. Try it: 'thunderline webhooks test {}'",
                it.name
            )
        });
        Ok(())
    }
}
