//! `thunderline webhooks test`

use std::{thread::sleep, time::Duration};

use clap::Args;
use thunderline_web::dto::{
    page::Page,
    webhook::{Delivery, Webhook},
};

use crate::{
    client::{Client, path},
    failure::{Failure, Result},
    output::{Format, print},
};

/// Looks before it is left to the receiver's patience, and the pause between them.
const LOOKS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(250);

/// Send a test event and say what came of it
#[derive(Args, Debug)]
pub struct Test {
    /// The webhook's name
    name: String,
}

impl Test {
    /// Sends it, and looks until it was tried once.
    pub fn run(&self, client: &Client, format: Format) -> Result<()> {
        let path = path("/api/v1/webhooks/{name}", &[&self.name])?;
        let before = newest(client, &path)?.map_or(0, |it| it.sequence);
        let _webhook: Webhook = client.post(&format!("{path}/test"), &())?;
        for _ in 0..LOOKS {
            let tried = newest(client, &path)?.filter(|it| it.sequence > before && it.attempts > 0);
            if let Some(delivery) = tried {
                return told(format, &delivery);
            }
            sleep(PAUSE);
        }
        Err(Failure::failed(format!("it was not sent yet; see 'thunderline webhooks show {}'", self.name)))
    }
}

/// The newest test event's delivery.
fn newest(client: &Client, path: &str) -> Result<Option<Delivery>> {
    let sent: Page<Delivery> = client.get(&format!("{path}/deliveries"), &[("limit", "50")])?;
    Ok(sent.items.into_iter().find(|it| it.event_name == "flow.webhook.tested"))
}

fn told(format: Format, delivery: &Delivery) -> Result<()> {
    if delivery.state == "delivered" {
        print(format, delivery, |it| {
            format!("delivered: {} after {} ms", it.status.unwrap_or_default(), it.millis.unwrap_or_default())
        });
        return Ok(());
    }
    let again = if delivery.state == "waiting" { "; it is tried again" } else { "" };
    Err(Failure::failed(format!("not delivered: {}{again}", delivery.error)))
}
